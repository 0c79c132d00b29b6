import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { inferAccess } from './conclude.ts';
import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const LINE =
  '<type> <ts:stamp> <elb> <downstream_remote_address> <upstream_host> ' +
  '<request_processing_time> <target_processing_time> <response_processing_time> ' +
  '<status:number> <target_status_code> <bytes_received:number> <bytes_sent:number> ' +
  '"<request:request>" "<user_agent:text>" <ssl_cipher> <tls_version> <target_group_arn> ' +
  '"<x_amzn_trace_id:text>" "<authority:text>" "<chosen_cert_arn:text>" ' +
  '<matched_rule_priority> <request_creation_time> "<actions_executed:text>" ' +
  '"<redirect_url:text>" "<error_reason:text>"';
const PUTTING = {
  target_processing_time: { unit: NS.s, column: C.upstream_duration_ns },
};

/** Fields that came later, each at the end of what was there before. */
const LATER = [
  '',
  ' "<target_port_list:text>" "<target_status_code_list:text>"',
  ' "<classification:text>" "<classification_reason:text>"',
  ' <conn_trace_id>',
  ' "<transformed_host:text>" "<transformed_uri:text>" "<request_transform_status:text>"',
];

/** The newest first; lines of each release. */
const formats = LATER.map(
  (_, i) => new LinePattern(LINE + LATER.slice(0, LATER.length - i).join(''), PUTTING),
);

/** The types of connection: `http`, `https`, `h2`, `grpcs`, `ws`, `wss`. */
const TYPES = new Set([0x68, 0x67, 0x77]);

/**
 * Access logs of AWS Application Load Balancers (Elastic Load Balancing, "Access log entries"), of
 * which an entry is a line of the files that they put into S3.
 */
export const alb: Normalizer = {
  name: 'alb',
  opens: 'hgw',

  recognises(line, start, end) {
    if (!TYPES.has(line[start] ?? 0) || end - start < 80) return false;
    const stop = start + 7;
    let at = start;
    while (at < stop && line[at] !== 0x20) at++;
    return line[at] === 0x20 && line[at + 5] === 0x2d && line[at + 11] === 0x54;
  },

  normalize(record) {
    if (putFirst(record, formats) === undefined) return false;
    inferAccess(record);
    return true;
  },
};
