const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The text of UTF-8 bytes, U+FFFD for what is none. Spans are made of many short texts, nearly all
 * of them ASCII, for which the general decoder costs more than the rest of their reading.
 */
export const textOf = (buf: Uint8Array, start: number, end: number): string => {
  if (!(buf instanceof Buffer)) return decoder.decode(buf.subarray(start, end));
  for (let at = start; at < end; at++) {
    if ((buf[at] as number) >= 0x80) return decoder.decode(buf.subarray(start, end));
  }
  return buf.toString('latin1', start, end);
};

/** A view of the same bytes that `textOf` is quick with. */
export const quickly = (buf: Uint8Array): Buffer =>
  Buffer.from(buf.buffer, buf.byteOffset, buf.byteLength);
