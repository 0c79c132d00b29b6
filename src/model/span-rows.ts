import type { Batch } from './batch.ts';
import { NativeReader } from './native-reader.ts';
import { SPAN_COLUMNS, type SpanColumnName } from './span-columns.ts';
import type { TextPairs } from './span-pairs.ts';
import type { SpanRow } from './span-row.ts';
import type { SpanKind, StatusCode } from './span.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const at = (name: SpanColumnName): number =>
  SPAN_COLUMNS.findIndex((column) => column.name === name);

/** Reads the spans of a batch back from its columns. */
export const spanRowsOf = ({ data, columns, rows }: Batch): SpanRow[] => {
  const reader = new NativeReader(data, columns, rows, SPAN_COLUMNS);
  const rowOf = (row: number): SpanRow => {
    const text = (name: SpanColumnName): string => decoder.decode(reader.text(at(name), row));
    const number = (name: SpanColumnName): number => reader.number(at(name), row);
    const pairs = (name: SpanColumnName): TextPairs => {
      const found: [string, string][] = [];
      reader.pairs(at(name), row, (key, value) => {
        found.push([decoder.decode(key), decoder.decode(value)]);
      });
      return found;
    };
    return {
      timestampNs: reader.time(at('timestamp'), row),
      durationNs: BigInt(number('duration_ns')),
      service: text('service'),
      name: text('name'),
      scopeName: text('scope_name'),
      scopeVersion: text('scope_version'),
      traceId: text('trace_id'),
      spanId: text('span_id'),
      parentSpanId: text('parent_span_id'),
      traceState: text('trace_state'),
      statusMessage: text('status_message'),
      events: text('events'),
      links: text('links'),
      kind: number('span_kind') as SpanKind,
      statusCode: number('status_code') as StatusCode,
      flags: number('flags'),
      droppedAttributes: number('dropped_attributes'),
      droppedEvents: number('dropped_events'),
      droppedLinks: number('dropped_links'),
      resource: pairs('resource'),
      scope: pairs('scope_attributes'),
      attributes: pairs('attributes'),
      valueTypes: pairs('value_types'),
    };
  };
  return Array.from({ length: rows }, (_, row) => rowOf(row));
};
