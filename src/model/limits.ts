/** Every bound of the product, each with its reason. `docs/limits.md` is made from this file. */
export const LIMITS = {
  // --- record
  /**
   * Interned field names per thread: enough for any real fleet; hostile names beyond it cost CPU,
   * not memory.
   */
  internedKeys: 16_384,
  /** Longest field name that is interned; longer ones are kept whole but not remembered. */
  internedKeyBytes: 256,
  /** Longest line kept, bytes. Longer ones are cut, counted, and marked on the record. */
  lineBytes: 1_048_576,
  /**
   * Values of one record together, bytes; fields beyond it are left out, counted and marked. A row
   * must fit a journal frame together with the batch that it ends.
   */
  recordBytes: 16_777_216,
  /** Fields of one record that become attributes; the rest stay in the line, counted. */
  attributesPerRecord: 1_024,
  /**
   * Fields around one line that are kept: far above any shipper's, and below what breaks a block.
   */
  metadataPerRecord: 262_144,
  /** Nesting depth of JSON that is flattened; deeper values are kept verbatim in one attribute. */
  jsonDepth: 16,
  /**
   * Nesting depth of a JSON value that is kept verbatim; a line with deeper ones counts as plain
   * text.
   */
  jsonSkipDepth: 1_024,
  /**
   * Members that the JSON scanner remembers per thread to predict the next; all are forgotten when
   * full.
   */
  scannerMembers: 16_384,
  /**
   * Followers remembered per member: alternating shapes of one logger; the least recent is
   * replaced.
   */
  scannerFollowers: 16,
  /**
   * Longest text between two values that is remembered, bytes: longer ones are read byte by byte.
   */
  scannerGlueBytes: 256,
  /**
   * Texts between two values of logfmt and klog lines that a thread keeps; then all are forgotten.
   */
  gapsKept: 16_384,
  /**
   * Steps of lines that a thread remembers to find their layouts, about 100 bytes each; all are
   * forgotten when full.
   */
  layoutNodes: 131_072,
  /** Ways on from one step: names that are data would make ever more of them. */
  layoutFollowers: 256,
  /** Layouts that a thread remembers, for all tenants; all are forgotten when full. */
  layoutsKnown: 16_384,
  /** Tenants whose layouts a thread counts; then all are counted anew. */
  grantsKept: 1_024,
  /** Holes of a layout: lines with more fields are kept whole. */
  layoutHoles: 512,
  /** Bytes of a layout's text: longer ones are hardly shared by many lines. */
  layoutBytes: 16_384,
  /** Room for the fields of one object that is kept from line to line; more is given back. */
  scannedFieldsKept: 16_384,
  /**
   * Sources per thread whose line format is remembered; others that share a place cost a second
   * look.
   */
  formatsRemembered: 4_096,
  /** Spellings of zones that a thread knows to print again: every offset in use has several. */
  timeZones: 256,
  /** Scratch of a thread that is kept between requests, bytes; larger ones are given back. */
  scratchKeptBytes: 1_048_576,
  /** Rows of one encoded batch: keeps a batch's buffers and the engine's blocks small. */
  rowsPerBatch: 65_536,
  /** Bytes of one encoded batch after which it is closed. */
  batchBytes: 8_388_608,

  // --- receive
  /** Body of one HTTP request as sent, bytes. */
  requestBytes: 67_108_864,
  /** Body of one HTTP request after decompression, bytes: a gzip bomb stops here. */
  inflatedBytes: 134_217_728,
  /**
   * Bytes received and not yet durable, over all connections; beyond it senders are told to retry.
   */
  inFlightBytes: 134_217_728,
  /** Connections open at a time on one listener. */
  connections: 5_000,
  /** Time for a request's headers, ms: a slow-loris sender is cut off here. */
  headersMs: 15_000,
  /** Time for a whole request, ms. */
  requestMs: 120_000,
  /**
   * Rest of a refused body that is read and thrown away, bytes, so that its sender gets to read the
   * refusal.
   */
  discardedBytes: 134_217_728,
  /** Time for that, ms. */
  discardMs: 5_000,
  /** A TCP sender that says nothing for so long is disconnected, ms. */
  idleConnectionMs: 900_000,
  /** Senders remembered for `GET /api/v1/sources`; about 1 kB each. */
  sources: 10_000,
  /** A sender that brought nothing for so long is shown as silent, ms. */
  silentMs: 600_000,
  /** Senders that wait for an acknowledgement hear that we live after so long, and again, ms. */
  keepaliveMs: 3_000,
  /** Where the server speaks first, a TLS client has begun its handshake within this, ms. */
  silenceMs: 1_000,
  /** Bytes of one stream connection that may wait for durability before it is paused. */
  streamWindowBytes: 1_048_576,
  /** gRPC calls at a time on one connection: exporters have one or a few. */
  grpcCalls: 128,
  /** A gRPC peer that is silent is asked whether it lives after so long, ms. */
  grpcPingMs: 60_000,
  /** Live tails open at a time. */
  tails: 200,
  /** Durable batches that wait to be shown to live tails; more are dropped and counted. */
  tailBatches: 64,
  /** Length of a tenant's name, as Loki and Mimir have it. */
  tenantLength: 150,
  /** Threads that decode; more than this never paid off in the benchmark. */
  decodeThreads: 8,

  // --- decode
  /**
   * Greatest piece in which a body is inflated: one allocation for a usual request, not the whole
   * bound.
   */
  inflateChunkBytes: 8_388_608,
  /**
   * Buffer kept between snappy requests; larger ones get one of their own, freed after the request.
   */
  inflateKeptBytes: 16_777_216,
  /** Zstd frames in one body: each costs a call of its own; a body of empty frames stops here. */
  zstdFrames: 4_096,
  /**
   * Loki streams whose parsed labels are remembered per thread, for agents that push one line at a
   * time.
   */
  lokiStreams: 1_024,
  /** Longest label set that is remembered, bytes: 1,024 of them stay below 2 MiB. */
  lokiStreamBytes: 2_048,
  /**
   * Loki labels of one stream as text, bytes (Loki's own bound is larger; a label set is no log).
   */
  lokiLabelBytes: 1_048_576,
  /**
   * Labels of one stream: Loki allows 15 and no more than 30 in practice; finding one must be
   * quick.
   */
  lokiLabels: 128,
  /**
   * Bytes of labels, resource and scope that one request may have copied onto its records: a few
   * bytes a record behind a megabyte of labels would otherwise become terabytes.
   */
  stampedBytes: 268_435_456,
  /** Age beyond which an entry pushed to Loki's API is refused, ms; 0, the default: no age is. */
  oldestSampleMs: 0,
  /** Errors that one Loki reply tells; the rest is counted. */
  lokiErrors: 10,
  /** Nesting of OTLP values (arrays, maps) that is followed; deeper records are rejected. */
  otlpDepth: 64,
  /** JSON text made from one OTLP array or map, bytes; records with larger ones are rejected. */
  otlpTextBytes: 16_777_216,
  /** Attributes, events and links of one span that are read; spans of more are rejected. */
  spanItemsRead: 16_384,
  /** Events and links of one span that are kept: eight times what SDKs send at most. */
  spanEvents: 1_024,
  spanLinks: 1_024,

  // --- decode: Zipkin and Jaeger
  /** Attributes, events and links each of one span; more are counted as dropped. */
  spanItems: 16_384,
  /** Length of an annotation or tag in which attributes are looked for: longer ones are text. */
  spanTextLength: 65_536,
  /** Nesting of thrift values that are stepped over. */
  thriftDepth: 64,

  // --- decode: syslog
  /** Room for a frame's header and structured data in front of a line of `lineBytes`, bytes. */
  syslogHeaderBytes: 65_536,
  /**
   * Digits of an octet count: longer numbers are text, and no frame makes us skip over a gigabyte.
   */
  syslogCountDigits: 9,
  /** Unfinished frames held by all connections of a thread, bytes; beyond, long ones are cut. */
  syslogHeldBytes: 67_108_864,

  // --- decode: forward, Lumberjack, RELP
  /** Unfinished messages held by all connections of a thread, bytes, for each of the protocols. */
  streamHeldBytes: 134_217_728,
  /** One message of a forward sender that has not proved its key yet, bytes: names and digests. */
  handshakeBytes: 16_384,
  /** Nesting of MessagePack values that is followed; deeper entries are rejected. */
  msgpackDepth: 64,
  /** Compressed Lumberjack frames within each other: senders use one. */
  lumberjackNesting: 4,
  /** Events between partial Lumberjack acknowledgements: what a broken connection may double. */
  lumberjackAckEvents: 1_024,
  /** Offers of one RELP `open`, bytes: a few short lines. */
  relpOfferBytes: 4_096,

  // --- decode: Elasticsearch and NDJSON
  /**
   * Operations of one bulk request: each needs an item in the reply, which a line of 14 bytes asks
   * for.
   */
  bulkItems: 262_144,
  /** Longest action line, bytes: names and ids, no documents. */
  bulkActionBytes: 65_536,
  /** Templates, policies and the like that clients may set up, of all tenants, and bytes of one. */
  definitions: 4_096,
  definitionBytes: 1_048_576,
  /** Segments of a reply filter (`filter_path`), and filters of one request. */
  filterSegments: 16,
  filters: 64,
  /** Bad lines that one NDJSON reply tells; the rest is counted. */
  ndjsonErrors: 20,

  // --- decode: our agent
  /** Head of one batch, bytes: a few hundred a source. */
  agentHeadBytes: 1_048_576,
  /** Sources of one batch; an agent with more sends several. */
  agentSources: 1_024,
  /** Length of the names that an agent gives its host and sources. */
  agentNameLength: 1_024,
  /** Sources whose numbers an agent remembers; those silent longest are forgotten. */
  agentSourcesKept: 65_536,
  /** Sources of all agents whose numbers a server remembers, about 0.3 KB each. */
  agentWatermarks: 262_144,

  // --- decode: GELF, raw lines, journald and items of JSON
  /** Items of one body that are no JSON and behind which reading goes on; then the rest is one. */
  brokenItems: 64,
  /** One GELF message, bytes, as sent and unpacked: what 128 datagrams can hold. */
  gelfMessageBytes: 8_388_608,
  /** Unfinished GELF frames, and chunks, held by a thread, bytes; beyond, messages are refused. */
  gelfHeldBytes: 67_108_864,
  /** Chunked messages that wait for chunks; beyond, the oldest is given up. */
  gelfChunkedMessages: 4_096,
  /** Life of an unfinished chunked message, s (GELF: 5). */
  gelfChunkS: 5,
  /** Unfinished raw lines held by all connections of a thread, bytes; beyond, they are cut. */
  rawHeldBytes: 67_108_864,
  /** One entry of a journal, bytes: core dumps are in there too; its fields are cut at this. */
  journaldEntryBytes: 16_777_216,
  /** Unfinished entries held by all uploads of a thread, bytes. */
  journaldHeldBytes: 134_217_728,

  // --- the agent's inputs
  /** Sources of one input that are read at a time: two keep disk and processor busy. */
  agentReaders: 2,
  /** Bytes of one turn of a source, before others get theirs. */
  agentTurnBytes: 8_388_608,
  /** Bytes that are read at once: what stays in a processor's cache. */
  agentReadBytes: 524_288,
  /** Files that one input keeps open; beyond it the one idle for the longest is closed. */
  agentOpenFiles: 4_096,
  /** Files that one input follows; more are counted and not read. */
  agentFiles: 65_536,
  /** Folders that one look goes through, and how deep. */
  agentFolders: 65_536,
  agentFolderDepth: 32,
  /** Peers of a syslog relay that are told apart; the others are one source. */
  agentPeers: 4_096,
  /** Connections of a relay. */
  agentConnections: 1_024,
  /** Bytes of datagrams or requests that a relay holds; beyond, they are dropped or refused. */
  agentRelayBytes: 33_554_432,
  /** Body of one request to the OTLP relay, bytes. */
  agentRequestBytes: 16_777_216,
  /** Lines of one joined stack trace: a dump of a busy Go program has thousands. */
  multilineLines: 4_096,
  /** How long a trace that may go on is waited for, ms. */
  multilineFlushMs: 1_000,
  /** Pods whose metadata is kept: far above what a node runs. */
  agentPods: 16_384,
  /** One event or page of the Kubernetes API, bytes. */
  agentKubernetesBytes: 16_777_216,

  // --- layouts
  /** Layouts of one bucket: lines of others are kept whole, and counted. */
  layoutsPerBucket: 4_096,
  /** Services remembered of a layout in one bucket; a layout of more counts as everybody's. */
  servicesPerLayout: 1_024,
  /** Layouts times services of one bucket, about 100 bytes each; beyond it as above. */
  layoutUsesPerBucket: 65_536,
  /** Longest name of a service that is remembered of a layout; beyond it as above. */
  layoutServiceLength: 1_024,

  // --- engine
  /**
   * Memory of the engine's process, bytes: inserts and merges of full ingest fit with room to
   * spare.
   */
  engineMemoryBytes: 671_088_640,
  /** Memory of one read, bytes; aggregations spill to disk at half of it. */
  readMemoryBytes: 268_435_456,
  /** Longest read, seconds. */
  readSeconds: 60,
  /**
   * Encrypted disks that the engine has ready for buckets to come: it learns new ones only at its
   * start.
   */
  spareDisks: 64,
  /** Spare disks below which the engine is restarted as soon as it is idle. */
  spareDisksLow: 16,
  /**
   * Longest wait of a planned restart for reads and inserts under way, ms; those left over are
   * repeated.
   */
  restartIdleMs: 10_000,
  /** First and longest pause before a dead engine is started again, ms. */
  restartBackoffMs: 100,
  restartBackoffMaxMs: 10_000,
  /** Time for the engine to answer after its start (it loads the parts of every bucket), ms. */
  engineStartMs: 120_000,
  /** How long a read waits for an engine that is starting, ms. */
  readerWaitMs: 30_000,
  /** Time without a byte from the engine after which an insert or statement counts as lost, ms. */
  engineSilenceMs: 180_000,
  /** Rows of one insert: where larger ones stop paying in time and cost much memory. */
  insertRows: 65_536,
  /** Rows that are enough to insert at once: 25,000 cost half as much again (decision 0006). */
  insertRowsReady: 60_000,
  /** Rows that are little: they go after `insertWaitMs`, more wait to become a larger insert. */
  insertRowsFew: 1_000,
  /** Bytes of one insert: bounds the engine's memory for it. */
  insertBytes: 33_554_432,
  /** Time that few rows, and more, wait for others to go with them, ms; queries cut it short. */
  insertWaitMs: 300,
  insertWaitMoreMs: 700,
  /**
   * What that wait grows by with every bucket active at once, ms: a one-row insert and its merges
   * cost 16 CPU-ms, so that any number of buckets takes half a core.
   */
  insertWaitPerBucketMs: 32,
  /** Inserts at a time over all buckets: two keep two cores busy, more only cost memory. */
  insertsInFlight: 2,
  /** Least time between two inserts of one bucket that queries ask for, ms. */
  flushSpacingMs: 50,
  /** How long a query waits for what is pending in its range, ms. */
  flushWaitMs: 10_000,
  /** How long a stopping server waits for inserts under way, ms; the journal has them anyway. */
  engineStopMs: 4_000,
  /** First and longest pause after a refused insert, ms. */
  insertBackoffMs: 100,
  insertBackoffMaxMs: 10_000,
  /** Tries of an insert that fails for an unknown reason before its rows are suspected. */
  insertTriesBeforeBisect: 4,
  /** Tenant's name, bytes (as Loki bounds it). */
  tenantBytes: 150,

  // --- lanes and segments (reference: C2SP-style sealing follows in a later release)
  /** Rows of one segment. */
  segmentRows: 65_536,
  /** Bytes of one segment. */
  segmentBytes: 16_777_216,
  /** Age at which an open segment closes, ms. */
  segmentMs: 5_000,

  // --- items that are sent twice
  /** Tokens remembered to know them again, over all tenants: 24 to 48 bytes each. */
  onceEntries: 1_048_576,
  /** How long they are remembered, ms: senders that got no answer try again within minutes. */
  onceMs: 600_000,

  // --- keyring
  /** Data keys of one keyring: a key per bucket for decades; the file is rewritten whole. */
  keyringKeys: 65_536,
  /** Size of the keyring file, bytes: about 110 per key, and room. */
  keyringBytes: 16_777_216,

  // --- journal
  /**
   * Size at which a journal file ends, bytes (less when the budget is small): space is freed by the
   * file.
   */
  journalFileBytes: 67_108_864,
  /**
   * Bytes of one group. Groups collect while the one before is synced; larger ones would only wait
   * longer.
   */
  journalGroupBytes: 8_388_608,
  /** Encoded bytes that wait to be written; beyond it senders are told to try later. */
  journalQueueBytes: 33_554_432,
  /**
   * Encoded bytes of one batch: twice what the largest batch can be. A longer length in a file is
   * damage.
   */
  journalFrameBytes: 67_108_864,
  /**
   * Batches in the journal that the engine does not have yet: their descriptions stay in memory
   * (about 0.5 KB each).
   */
  journalPendingBatches: 262_144,
  /**
   * Encoded bytes of pending batches kept in memory; the rest is read back from disk when its turn
   * comes.
   */
  pendingMemoryBytes: 100_663_296,
  /**
   * Age of a drained file at which it is replaced by an empty one, ms: three fsyncs per idle
   * period, not per line.
   */
  journalIdleMs: 30_000,
  /** First and longest wait before a journal that cannot write tries again, ms. */
  journalRetryMs: 100,
  journalRetryMaxMs: 5_000,
  /** Time for which drained files stay for their tokens, ms: senders retry within minutes. */
  journalTokenMs: 120_000,
  /** Bytes of such files; an eighth of the journal's budget where that is less. */
  journalTokenBytes: 268_435_456,
  /**
   * Frame keys remembered, about 0.5 KB each: one per active bucket; deriving one again costs
   * microseconds.
   */
  journalFrameKeys: 4_096,
  /** Length of a lane's or a bucket's name, bytes: tenant, class and node or week. */
  laneNameBytes: 1_024,

  // --- our own log
  /** Log lines that wait for a stuck reader of standard error, bytes; later ones are counted. */
  logBufferBytes: 1_048_576,
  // --- logql
  /** Text of one LogQL query, bytes: Loki's own bound. */
  logqlBytes: 131_072,
  /**
   * Operators and aggregations of one LogQL query, and as many parentheses: bounds the depth of its
   * tree. Twice this would exhaust the stack.
   */
  logqlNesting: 500,
  /** Weight of a query's regular expressions, about instructions: this many compile in 0.3 s. */
  logqlRegexWeight: 65_536,

  // --- query
  /**
   * First window of a newest-first (or oldest-first) read, s: most answers lie within the last
   * minute.
   */
  windowFirstS: 60,
  /** Windows grow by this factor until one finds rows: a month is reached with six empty ones. */
  windowGrowth: 8,
  /** Rows that the engine sorts at once for stages in our process: about 32 MB of lines. */
  scanSliceRows: 32_768,
  /** Parts that a crowded window is counted in at once: bounds the answer, not the depth. */
  scanSliceParts: 256,
  /** Whole rows asked for by id at once: bounds what the engine sorts, and the request's length. */
  rowsById: 1_000,
  /** Lines of one query's answer: Loki's own default (`max_entries_limit_per_query`). */
  queryLines: 5_000,
  /** Spans of one trace that are given back: beyond it the answer says that it is partial. */
  spansPerTrace: 10_000,
  /** Lines of one query's answer, bytes: a longer answer is cut there and says so. */
  queryAnswerBytes: 67_108_864,
  /** Points of one series: Loki's own bound, a minute's resolution for a week. */
  queryPoints: 11_000,
  /** Series of one query's answer: Loki's own default (`max_query_series`). */
  querySeries: 500,
  /**
   * Groups that the engine counts for one query, before grouping in our process: about 100 MB
   * there.
   */
  queryGroups: 1_000_000,
  /** Range aggregations of one query: each reads from the engine at the same time as the others. */
  queryRanges: 32,
  /** Samples held at once for the windows of one query, 32 bytes each at most. */
  querySamples: 2_000_000,
  /** Series held at once while one query is evaluated, before grouping. */
  queryInnerSeries: 100_000,
  /** Longest range in brackets, days: 64-bit nanoseconds reach three times as far. */
  queryRangeDays: 36_500,
  /**
   * Layouts whose lines the engine fills: 100 take twice the time of 11, 500 eight times; lines of
   * more are filled in our process.
   */
  layoutsInSql: 128,
  /** Bytes of these layouts together: their expressions are about eight times as long. */
  layoutSqlBytes: 524_288,
  /**
   * Rows that the engine fills at once: each piece of their lines is held for all of them, and
   * eight times as many are more than one read may take (`readMemoryBytes`).
   */
  layoutBlockRows: 8_192,
  /**
   * Bytes of layouts whose texts a statement names, where their checksums do not tell them apart.
   */
  layoutTextsInSql: 1_048_576,
  /** Bytes of a needle that is looked for at the seams of layouts; longer ones on filled lines. */
  needleBytes: 1_024,
  /** Ways of a needle over one layout's seams that are followed, and places that it may have. */
  needleSteps: 4_096,
  needlePlaces: 512,
  /**
   * Places of a needle in all layouts of a query: what the engine is to test for every row.
   */
  needlePlacesInAll: 2_048,
  /** Layouts that one read remembers to fill lines with, about 4 KB each. */
  layoutsParsed: 4_096,
  /** Nesting of JSON that `| json` follows; deeper lines get `__error__`. */
  queryJsonDepth: 128,
  /** Values that `| distinct` remembers. */
  distinctValues: 100_000,
  /** Names or values that one label list gives; what is cut is said in `warnings`. */
  labelValues: 50_000,
  /** Streams that one series list gives; what is cut is said in `warnings`. */
  seriesListed: 10_000,
  /** Selectors of one series request. */
  seriesSelectors: 64,
  /** Rows that wait for a slow reader of a live tail; later ones are counted as dropped. */
  tailRows: 10_000,
  /** Lines of one message of a live tail. */
  tailMessageLines: 1_000,
  /** Dropped lines that a live tail names one by one; all of them are counted. */
  tailDropsNamed: 100,
  /** Longest `delay_for` of a live tail, s: Loki's own bound. */
  tailDelayS: 5,
  /** Time that one query computes before other work gets its turn, ms. */
  queryTurnMs: 5,
  // --- demo
  /** Text of one of the demo's requests, bytes: what agents send by default, a megabyte at most. */
  demoRequestBytes: 1_000_000,
  /** Lines of one of the demo's requests. */
  demoRequestLines: 5_000,
} as const;

/**
 * Sets limits from the configuration (`limits.line_bytes` is `lineBytes` here); called once in each
 * thread before anything runs. Names and ranges were checked by the configuration's reader.
 */
export const overrideLimits = (values: Readonly<Record<string, number>>): void => {
  Object.assign(LIMITS, values);
};
