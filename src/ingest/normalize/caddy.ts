import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { REST } from '../../model/placement.ts';
import type { Normalizer } from './normalize.ts';
import { opensObject, ownerOf } from './object-owner.ts';
import {
  countOf,
  durationOf,
  listObject,
  ownFields,
  putObject,
  textOf,
  type Reader,
} from './own-fields.ts';

/** A header's values are an array; where there is one, and without escapes, it is the column's. */
const headerOf =
  (column: number): Reader =>
  (record, _key, buf, start, end) => {
    const isOne = buf[start + 1] === 0x22 && buf[end - 2] === 0x22 && end - start > 4;
    if (!isOne || record.has(column)) return REST;
    for (let at = start + 2; at < end - 2; at++)
      if (buf[at] === 0x22 || buf[at] === 0x5c) return REST;
    record.set(column, buf, start + 2, end - 2);
    return REST;
  };

const put = ownFields({
  'request.proto': textOf(C.protocol),
  'request.host': textOf(C.authority),
  'request.uri': textOf(C.path),
  'request.headers.User-Agent': headerOf(C.user_agent),
  'request.headers.X-Request-Id': headerOf(C.request_id),
  duration: durationOf(C.duration_ns, NS.s),
  size: countOf(C.bytes_out),
  bytes_read: countOf(C.bytes_in),
});

/** Caddy's access log (Caddy, "log" directive), which is JSON of zap with the request nested. */
export const caddy: Normalizer = {
  name: 'caddy',
  opens: '{ \t',

  recognises: (line, start, end) => opensObject(line, start, end),

  normalize(record) {
    const list = listObject(record);
    if (list === undefined || ownerOf(list) !== 'caddy') return false;
    putObject(record, list, put);
    record.structured = true;
    return true;
  },
};
