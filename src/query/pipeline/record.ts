import { must } from '../../model/errors.ts';
import { RECORD_COLUMNS } from '../record-fields.ts';
import { EXTRACTED, namedPairs } from '../record-labels.ts';
import type { Run } from './stage.ts';

/**
 * `| record`, our own: the record's columns become labels under their own names, and its attributes
 * and labels where no column has that name, set or not; where one has, they get `_extracted`, as
 * names that the stream has always do.
 */
export const record: Run = (entry) => {
  const fields = must(entry.row.fields, 'rows for `| record` carry their fields');
  for (const [name, value] of fields.columns) {
    if (RECORD_COLUMNS.has(name)) entry.extract(name, value);
  }
  for (const pairs of [fields.attributes, fields.labels]) {
    for (const [name, value] of namedPairs(pairs)) {
      entry.extract(RECORD_COLUMNS.has(name) ? name + EXTRACTED : name, value);
    }
  }
  return true;
};
