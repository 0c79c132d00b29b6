import { C } from '../../model/columns.ts';
import { LinePattern } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

/** The protocol is its IANA number; `start` and `end` are seconds since 1970. */
const flow = new LinePattern(
  '2 <account_id> <interface_id> <srcaddr> <dstaddr> <srcport:number> <dstport:number> ' +
    '<ip_protocol:number> <packets:number> <bytes:number> <ts:stamp> <flow_end:number> ' +
    '<action> <log_status>',
  { action: { text: C.policy_decision } },
);
const LOG_STATUS = 12;
const STATUSES = ['OK', 'NODATA', 'SKIPDATA'].map((word) => new TextEncoder().encode(word));

/** Fourteen words may be anything; these last ones are a flow log's. */
const endsFlow = (line: Uint8Array, start: number, end: number): boolean =>
  STATUSES.some(
    (word) => word.length === end - start && word.every((byte, i) => line[start + i] === byte),
  );

/**
 * VPC flow logs of AWS in their default format, version 2 (VPC, "Flow log records"): a line is what
 * went one way between two addresses within a window. `-` where there were no data.
 */
export const vpcFlow: Normalizer = {
  name: 'vpc-flow',
  opens: '2',

  recognises: (line, start) =>
    line[start] === 0x32 && line[start + 1] === 0x20 && isDigitOrDash(line[start + 2]),

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    if (flow.match(lineBuf, lineStart, lineEnd) < 0) return false;
    if (!endsFlow(lineBuf, flow.start(LOG_STATUS), flow.end(LOG_STATUS))) return false;
    flow.put(record, lineStart);
    record.structured = true;
    return true;
  },
};

const isDigitOrDash = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x75);
