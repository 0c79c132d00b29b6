import { parseArgs } from 'node:util';
import { SHAPES, type Shape } from './payloads.ts';

export const SECTIONS = [
  'ingest',
  'naive',
  'ceiling',
  'latency',
  'queries',
  'buckets',
  'protocols',
  'agent',
] as const;

export type Section = (typeof SECTIONS)[number];

export interface Options {
  readonly records: number;
  readonly shapes: readonly Shape[];
  readonly sections: ReadonlySet<Section>;
  readonly buckets: number;
  readonly trickleS: number;
  /** How long an engine must have been idle before its merges count as done. */
  readonly restMs: number;
  /** Single lines and queries of one latency figure, and lines that are read back. */
  readonly samples: number;
  /** Where the servers write their CPU profiles when they end. */
  readonly profile: string | undefined;
  readonly json: string | undefined;
  /** Protocols to measure beside NDJSON; empty for all. */
  readonly protocols: readonly string[];
}

const HELP = `npm run bench -- [options]

Measures the real server end to end: ingest, latency, queries, many buckets. Ratios hold within one
run; absolute numbers are this machine's.

  --records N      records of standard data (default 450000)
  --gb N           as many records as make N GB instead
  --shape NAME     ndjson, loki, bulk or all (default all)
  --only NAME,...  of ${SECTIONS.join(', ')} (default all)
  --buckets N      tenants with a bucket each (default 300)
  --trickle S      seconds of trickle into all buckets (default 30)
  --rest S         seconds of an idle engine that end a measurement (default 5)
  --samples N      lines and queries of one latency figure (default 100)
  --protocols A,B  of the protocols section, beside ndjson (default all)
  --json FILE      writes all numbers there
  --profile DIR    the servers write CPU profiles there when they end, one a thread

Examples:
  npm run bench -- --records 20000 --shape ndjson --only ingest,naive,ceiling
  npm run bench -- --gb 2 --json bench.json
  npm run bench -- --only buckets --buckets 50
  npm run bench -- --only protocols --protocols 'forward,lumberjack,zipkin json'
`;

const RECORD_BYTES = 918;

const numberOf = (name: string, text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} is a number greater than 0, not '${text}'`);
  return value;
};

const oneOf = <T extends string>(name: string, text: string, allowed: readonly T[]): T => {
  const found = allowed.find((word) => word === text);
  if (found !== undefined) return found;
  throw new Error(`--${name} is one of ${allowed.join(', ')}, not '${text}'`);
};

/** The command line's words; a text to show instead where help is asked for. Throws Error. */
export const readOptions = (words: readonly string[]): Options | string => {
  const { values } = parseArgs({
    args: [...words],
    options: {
      records: { type: 'string', default: '450000' },
      gb: { type: 'string' },
      shape: { type: 'string', default: 'all' },
      only: { type: 'string', default: SECTIONS.join(',') },
      buckets: { type: 'string', default: '300' },
      trickle: { type: 'string', default: '30' },
      rest: { type: 'string', default: '5' },
      samples: { type: 'string', default: '100' },
      json: { type: 'string' },
      protocols: { type: 'string', default: '' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return HELP;
  const records =
    values.gb === undefined
      ? numberOf('records', values.records)
      : (numberOf('gb', values.gb) * 1e9) / RECORD_BYTES;
  const shape = oneOf('shape', values.shape, ['all', ...SHAPES] as const);
  return {
    records: Math.max(1, Math.round(records)),
    shapes: shape === 'all' ? SHAPES : [shape],
    sections: new Set(values.only.split(',').map((word) => oneOf('only', word, SECTIONS))),
    buckets: Math.round(numberOf('buckets', values.buckets)),
    trickleS: numberOf('trickle', values.trickle),
    restMs: numberOf('rest', values.rest) * 1000,
    samples: Math.round(numberOf('samples', values.samples)),
    json: values.json,
    protocols: values.protocols.split(',').filter((name) => name !== ''),
    profile: values.profile,
  };
};
