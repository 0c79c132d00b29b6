import { must } from '../../model/errors.ts';
import { labelNameOf } from '../record-labels.ts';
import type { Run } from './stage.ts';

/** The line's own columns: they would repeat the line. */
const LINE_FIELDS: ReadonlySet<string> = new Set(['line', 'layout']);

/**
 * `| record`, our own: the record's columns become labels under their own names, and its attributes
 * and labels where no column has that name. Names that the stream has get `_extracted`, as always.
 */
export const record: Run = (entry) => {
  const fields = must(entry.row.fields, 'rows for `| record` carry their fields');
  for (const [name, value] of fields.columns) {
    if (!LINE_FIELDS.has(name)) entry.extract(name, value);
  }
  for (const pairs of [fields.attributes, fields.labels]) {
    for (const [name, value] of pairs) {
      const label = labelNameOf(name);
      if (label !== '' && value !== '') entry.extract(label, value);
    }
  }
  return true;
};
