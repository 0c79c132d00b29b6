import { MeshtrailError } from '../../model/errors.ts';
import type { LabelFormatStage } from '../logql/ast.ts';
import type { Run } from './stage.ts';

/** `| label_format new=old`: renames a label. Templates are not supported yet. */
export const labelFormat = (stage: LabelFormatStage): Run => {
  if (stage.formats.some(({ type }) => type === 'template'))
    throw unsupported('label_format with a template');
  return (entry) => {
    for (const { label, value } of stage.formats) {
      const held = entry.get(value);
      if (held === undefined) continue;
      entry.set(label, held);
      if (label !== value) entry.remove(value);
    }
    return true;
  };
};

/** For stages that the parser knows and nothing runs yet. */
export const unsupported = (what: string): MeshtrailError =>
  new MeshtrailError('not_supported', `${what} is not supported yet`);
