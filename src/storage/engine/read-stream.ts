/**
 * The engine sends its status before the result, so a query that fails midway can only say so in
 * the body: `\r\n__exception__\r\n<tag>\r\n<message>\n<length> <tag>\r\n__exception__\r\n`, the tag
 * being random and named in a header (ClickHouse 25.11 and later).
 */
import { EngineError } from './engine-error.ts';

const TAG_HEADER = 'x-clickhouse-exception-tag';
/** An exception's text is cut at 16 KiB by the engine; more than this is no exception. */
const EXCEPTION_BYTES = 65_536;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Passes a result's bytes on and throws the engine's error where the result breaks off. */
export function checkedEnd(
  stream: AsyncIterable<Uint8Array>,
  headers: Headers,
): AsyncIterable<Uint8Array> {
  const tag = headers[TAG_HEADER];
  if (typeof tag !== 'string' || tag === '') return stream;
  return untilException(stream, Buffer.from(`\r\n__exception__\r\n${tag}\r\n`, 'latin1'));
}

async function* untilException(
  stream: AsyncIterable<Uint8Array>,
  mark: Buffer,
): AsyncGenerator<Uint8Array> {
  // The last bytes are held back until it is known that no mark begins in them.
  let held: Buffer = Buffer.alloc(0);
  let exception: Buffer[] | undefined;
  let size = 0;
  try {
    for await (const some of stream) {
      const chunk = Buffer.from(some.buffer, some.byteOffset, some.byteLength);
      if (exception !== undefined) {
        size += chunk.length;
        if (size < EXCEPTION_BYTES) exception.push(chunk);
        continue;
      }
      const seam = Buffer.concat([held, chunk.subarray(0, mark.length)]);
      const inSeam = seam.indexOf(mark);
      const at = inSeam >= 0 ? inSeam : shifted(chunk.indexOf(mark), held.length);
      if (at >= 0) {
        const whole = Buffer.concat([held, chunk]);
        if (at > 0) yield whole.subarray(0, at);
        exception = [whole.subarray(at + mark.length)];
        continue;
      }
      if (chunk.length < mark.length) {
        const joined = Buffer.concat([held, chunk]);
        const keep = Math.min(joined.length, mark.length - 1);
        if (joined.length > keep) yield joined.subarray(0, joined.length - keep);
        held = joined.subarray(joined.length - keep);
        continue;
      }
      if (held.length > 0) yield held;
      const cut = chunk.length - (mark.length - 1);
      yield chunk.subarray(0, cut);
      held = chunk.subarray(cut);
    }
  } catch (error) {
    // The engine closes the connection after an exception: its text says more than the closing.
    if (exception === undefined) throw error;
  }
  if (exception !== undefined) throw exceptionOf(Buffer.concat(exception));
  if (held.length > 0) yield held;
}

const shifted = (at: number, by: number): number => (at < 0 ? at : at + by);

function exceptionOf(text: Buffer): EngineError {
  const message = text.toString('utf8').split(/\n\d+ [a-z]+\r\n__exception__/)[0] ?? '';
  const code = /Code: (\d+)\./.exec(message)?.[1] ?? '1001';
  return new EngineError(code, message.replace(/^Code: \d+\. DB::Exception: /, '').trim());
}
