/** Every bound of the product, each with its reason. `docs/limits.md` is made from this file. */
export const LIMITS = {
  // --- record
  /** Interned field names per thread: enough for any real fleet; hostile names beyond it cost CPU, not memory. */
  internedKeys: 16_384,
  /** Longest field name that is interned; longer ones are kept whole but not remembered. */
  internedKeyBytes: 256,
  /** Longest line kept, bytes. Longer ones are cut, counted, and marked on the record. */
  lineBytes: 1_048_576,
  /** Fields of one record that become attributes; the rest stay in the line, counted. */
  attributesPerRecord: 1_024,
  /** Nesting depth of JSON that is flattened; deeper values are kept verbatim in one attribute. */
  jsonDepth: 16,
  /** Rows of one encoded batch: keeps a batch's buffers and the engine's blocks small. */
  rowsPerBatch: 65_536,
  /** Bytes of one encoded batch after which it is closed. */
  batchBytes: 8_388_608,

  // --- receive
  /** Body of one HTTP request as sent, bytes. */
  requestBytes: 67_108_864,
  /** Body of one HTTP request after decompression, bytes: a gzip bomb stops here. */
  inflatedBytes: 134_217_728,

  // --- lanes and segments (reference: C2SP-style sealing follows in a later release)
  /** Rows of one segment. */
  segmentRows: 65_536,
  /** Bytes of one segment. */
  segmentBytes: 16_777_216,
  /** Age at which an open segment closes, ms. */
  segmentMs: 5_000,
} as const;
