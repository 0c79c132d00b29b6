import { Bytes } from '../../model/bytes.ts';

/**
 * Lines as an OTLP `ExportLogsServiceRequest` (opentelemetry-proto v1), written by hand so that
 * every byte of a line stays as it is. Records carry no time: the server takes it from the line, or
 * uses the time of receipt.
 */
const tag = (out: Bytes, field: number): void => out.varint(field * 8 + 2);

const field = (out: Bytes, number: number, bytes: Uint8Array): void => {
  tag(out, number);
  out.string(bytes, 0, bytes.length);
};

const encoder = new TextEncoder();

const anyString = (value: Uint8Array): Uint8Array => {
  const out = new Bytes(value.length + 12);
  field(out, 1, value);
  return out.take();
};

const keyValue = (name: string, value: string): Uint8Array => {
  const out = new Bytes(64);
  field(out, 1, encoder.encode(name));
  field(out, 2, anyString(encoder.encode(value)));
  return out.take();
};

/** `resource` becomes resource attributes (`service.name` ...). */
export const encodeLines = (
  resource: Readonly<Record<string, string>>,
  lines: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> => {
  const size = lines.reduce((sum, line) => sum + line.length + 24, 0);
  const scopeLogs = new Bytes(size + 64);
  const record = new Bytes(65_536);
  for (const line of lines) {
    record.clear();
    field(record, 5, anyString(line));
    tag(scopeLogs, 2);
    scopeLogs.string(record.buf, 0, record.length);
  }
  const attributes = new Bytes(256);
  for (const [name, value] of Object.entries(resource)) field(attributes, 1, keyValue(name, value));
  const resourceLogs = new Bytes(size + 1_024);
  tag(resourceLogs, 1);
  resourceLogs.string(attributes.buf, 0, attributes.length);
  tag(resourceLogs, 2);
  resourceLogs.string(scopeLogs.buf, 0, scopeLogs.length);
  const request = new Bytes(size + 1_088);
  tag(request, 1);
  request.string(resourceLogs.buf, 0, resourceLogs.length);
  return request.take();
};
