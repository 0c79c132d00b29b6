import type { Stage } from '../logql/ast.ts';
import { decolorize } from './decolorize.ts';
import { distinct } from './distinct.ts';
import { json } from './json.ts';
import { drop, keep } from './keep-drop.ts';
import { labelFilter } from './label-filter.ts';
import { labelFormat, unsupported } from './label-format.ts';
import { lineFilter } from './line-filter.ts';
import { logfmt } from './logfmt.ts';
import { pattern } from './pattern.ts';
import { record } from './record.ts';
import { regexp } from './regexp.ts';
import type { Run } from './stage.ts';
import { unpack } from './unpack.ts';

/** Compiles one stage. Throws MeshtrailError `not_supported` for what nothing runs yet. */
export const compileStage = (stage: Stage): Run => {
  switch (stage.type) {
    case 'line_filter':
      return lineFilter(stage);
    case 'json':
      return json(stage);
    case 'logfmt':
      return logfmt(stage);
    case 'pattern':
      return pattern(stage);
    case 'regexp':
      return regexp(stage);
    case 'unpack':
      return unpack;
    case 'decolorize':
      return decolorize;
    case 'record':
      return record;
    case 'label_filter':
      return labelFilter(stage.filter);
    case 'label_format':
      return labelFormat(stage);
    case 'line_format':
      throw unsupported('line_format');
    case 'drop':
      return drop(stage);
    case 'keep':
      return keep(stage);
    case 'distinct':
      return distinct(stage);
  }
};
