/**
 * The embedded engine's two configuration files. Keys of disks stand in neither: the engine reads
 * them from its environment (`from_env`), and passwords are there as hashes only.
 * Source of the names: ClickHouse "Server Settings", "MergeTree Settings", "User Settings".
 */

/** What an operator may bound; the rest follows from these. */
export interface EngineLimits {
  /** All memory of the engine's process, bytes. */
  readonly memoryBytes: number;
  /** Threads of one query and of all merges together. */
  readonly threads: number;
  /** Longest read, seconds. */
  readonly readSeconds: number;
  /** Memory of one read, bytes. */
  readonly readMemoryBytes: number;
}

export interface EngineFiles {
  readonly configXml: string;
  readonly usersXml: string;
}

export interface EngineConfig {
  /** Absolute; every path of the engine is below it. */
  readonly directory: string;
  readonly port: number;
  /** Encrypted disks 1 to `disks`. */
  readonly disks: number;
  /** SHA-256 of the passwords, hex. */
  readonly writerPasswordHash: string;
  readonly readerPasswordHash: string;
  readonly limits: EngineLimits;
}

/** Name of a disk in the engine's configuration and in `SETTINGS disk = ...`. */
export const diskName = (disk: number): string => `e${disk}`;

/** Environment variable that carries a disk's key as hex. */
export const diskKeyVariable = (disk: number): string => `MESHTRAIL_DISK_${disk}`;

/** Settings that a read may choose; everything else is fixed for the `reader` (`readonly = 1`). */
const READER_MAY_SET = [
  'max_threads',
  'max_block_size',
  'max_execution_time',
  'max_result_rows',
  'max_result_bytes',
  'max_rows_to_read',
  'max_bytes_to_read',
  'read_overflow_mode',
  'result_overflow_mode',
  'timeout_overflow_mode',
  'max_rows_to_group_by',
  'group_by_overflow_mode',
  'optimize_read_in_order',
  'max_query_size',
  'max_ast_elements',
  'max_expanded_ast_elements',
  'max_memory_usage',
  'use_query_condition_cache',
  'output_format_binary_write_json_as_string',
  'output_format_json_quote_64bit_integers',
  'output_format_json_validate_utf8',
] as const;

/** Settings of reads whose greatest value is the profile's own: a read cannot loosen them. */
const readerCeilings = (limits: EngineLimits): Record<string, number> => ({
  max_execution_time: limits.readSeconds,
  max_memory_usage: limits.readMemoryBytes,
  max_threads: limits.threads,
});

/**
 * Both files of an embedded engine. Each encrypted disk lies on a local disk of its own, so that
 * a bucket's bytes are one directory under one key. (Not on a path of a shared local disk: with
 * `fsync_part_directory` an encrypted disk prepends its path to one that is already absolute.)
 */
export function renderEngineFiles(config: EngineConfig): EngineFiles {
  return { configXml: renderConfig(config), usersXml: renderUsers(config) };
}

function renderConfig(config: EngineConfig): string {
  const { directory, limits } = config;
  const disks: string[] = [];
  for (let disk = 1; disk <= config.disks; disk++) {
    const plain = `p${disk}`;
    const path = `${escapeXml(directory)}/disks/${disk}/`;
    disks.push(
      `<${plain}><type>local</type><path>${path}</path></${plain}>` +
        `<${diskName(disk)}><type>encrypted</type><disk>${plain}</disk><path></path>` +
        `<algorithm>AES_256_CTR</algorithm><key_hex from_env="${diskKeyVariable(disk)}"/>` +
        `</${diskName(disk)}>`,
    );
  }
  return `<clickhouse>
${element('logger', LOGGER)}
<query_masking_rules><rule><name>literals</name>
<regexp>'(?:[^'\\\\]|\\\\.|'')*'</regexp><replace>'?'</replace></rule></query_masking_rules>
<http_port>${config.port}</http_port>
<listen_host>127.0.0.1</listen_host>
${element('http_handlers', HANDLERS)}
<users_config>${escapeXml(directory)}/users.xml</users_config>
<tmp_path>${escapeXml(directory)}/tmp/</tmp_path>
<user_files_path>${escapeXml(directory)}/user_files/</user_files_path>
<format_schema_path>${escapeXml(directory)}/format_schemas/</format_schema_path>
<storage_configuration><disks>
${disks.join('\n')}
</disks></storage_configuration>
${elements(serverSettings(limits))}
${element('merge_tree', elements(mergeTreeSettings(limits)))}
</clickhouse>
`;
}

/**
 * Warnings and worse. Failed queries are not logged: the one who sent them gets the error, and
 * their text may hold what people search for. The local session ignores \`level\`, not this one.
 */
const LOGGER =
  '<console>1</console><console_log_level>warning</console_log_level><levels>' +
  [
    'executeQuery',
    'HTTPHandler',
    'DynamicQueryHandler',
    'PredefinedQueryHandler',
    'BackgroundSchedulePool/BgSchPool',
    'BackgroundSchedulePool/BgStrmSchPool',
    'MergeMutateSelectedEntry',
  ]
    .map((name) => `<logger><name>${name}</name><level>none</level></logger>`)
    .join('') +
  '</levels>';

/** The port answers only requests with `writer:` or `reader:` in `Authorization` (base64). */
const HANDLERS = element(
  'rule',
  '<methods>POST</methods>' +
    '<headers><Authorization>regex:Basic (d3JpdGVyO|cmVhZGVyO).*</Authorization></headers>' +
    '<handler><type>dynamic_query_handler</type>' +
    '<query_param_name>query</query_param_name></handler>',
);

function serverSettings(limits: EngineLimits): Record<string, number> {
  const mergeThreads = Math.max(2, limits.threads);
  return {
    max_server_memory_usage: limits.memoryBytes,
    // Enough for the marks of a week's hot parts; the rest comes from the page cache.
    mark_cache_size: 16_777_216,
    primary_index_cache_size: 16_777_216,
    uncompressed_cache_size: 0,
    index_mark_cache_size: 8_388_608,
    index_uncompressed_cache_size: 0,
    mmap_cache_size: 0,
    query_condition_cache_size: 4_194_304,
    compiled_expression_cache_size: 8_388_608,
    max_concurrent_queries: 64,
    max_connections: 128,
    background_pool_size: mergeThreads,
    background_merges_mutations_concurrency_ratio: 1,
    background_schedule_pool_size: 2,
    background_common_pool_size: 2,
    background_move_pool_size: 1,
    background_fetches_pool_size: 1,
    background_buffer_flush_schedule_pool_size: 1,
    background_distributed_schedule_pool_size: 1,
    background_message_broker_schedule_pool_size: 1,
    max_thread_pool_size: 256,
    max_thread_pool_free_size: 8,
    max_io_thread_pool_size: 16,
    max_io_thread_pool_free_size: 0,
    max_active_parts_loading_thread_pool_size: mergeThreads,
    max_outdated_parts_loading_thread_pool_size: mergeThreads,
    max_parts_cleaning_thread_pool_size: mergeThreads,
    tables_loader_foreground_pool_size: mergeThreads,
    tables_loader_background_pool_size: 1,
    asynchronous_metrics_update_period_s: 60,
    asynchronous_heavy_metrics_update_period_s: 3_600,
    keep_alive_timeout: 60,
    max_table_size_to_drop: 0,
    max_partition_size_to_drop: 0,
    disable_internal_dns_cache: 1,
    shutdown_wait_unfinished: 2,
  };
}

function mergeTreeSettings(limits: EngineLimits): Record<string, number> {
  const mergeThreads = Math.max(2, limits.threads);
  return {
    // Must stay below the size of the pool, or tables are refused.
    number_of_free_entries_in_pool_to_execute_mutation: 1,
    number_of_free_entries_in_pool_to_lower_max_size_of_merge: Math.max(1, mergeThreads - 1),
    number_of_free_entries_in_pool_to_execute_optimize_entire_partition: 1,
  };
}

function renderUsers(config: EngineConfig): string {
  const { limits } = config;
  const reader = {
    readonly: 1,
    ...readerCeilings(limits),
    max_result_rows: 0,
    max_query_size: 16_777_216,
    max_ast_elements: 500_000,
    max_expanded_ast_elements: 2_000_000,
    // Aggregations beyond this spill to disk instead of failing.
    max_bytes_before_external_group_by: Math.floor(limits.readMemoryBytes / 2),
    max_bytes_before_external_sort: Math.floor(limits.readMemoryBytes / 2),
    cancel_http_readonly_queries_on_client_close: 1,
    // Of `cheap AND exact` the second is asked of the rows that the first lets through.
    short_circuit_function_evaluation: 'force_enable',
    log_queries: 0,
    output_format_json_quote_64bit_integers: 1,
  };
  const writer = {
    ...COMMON_WRITER,
    max_threads: limits.threads,
    max_memory_usage: Math.floor(limits.memoryBytes * 0.6),
  };
  return `<clickhouse>
<profiles>
<default>${elements({ log_queries: 0, max_threads: 1 })}</default>
<reader>${elements(reader)}${element('constraints', readerConstraints(limits))}</reader>
<writer>${elements(writer)}</writer>
</profiles>
<quotas><default></default>${element('session', SESSION_QUOTA)}</quotas>
<users>
${renderUser('default', '', 'default', ANONYMOUS_GRANTS)}
${renderUser('writer', config.writerPasswordHash, 'writer', WRITER_GRANTS)}
${renderUser('reader', config.readerPasswordHash, 'reader', READER_GRANTS)}
</users>
</clickhouse>
`;
}

const COMMON_WRITER = {
  log_queries: 0,
  async_insert: 0,
  max_insert_threads: 1,
  max_execution_time: 300,
} as const;

const readerConstraints = (limits: EngineLimits): string =>
  READER_MAY_SET.map((name) => {
    const ceiling = readerCeilings(limits)[name];
    const max = ceiling === undefined ? '' : `<max>${ceiling}</max><min>1</min>`;
    return element(name, `${max}<changeable_in_readonly/>`);
  }).join('');

/**
 * The local session's user has a fixed name and no password. It runs two statements at start, and
 * this quota leaves nobody else a third, whoever gets at the port (an interval of 68 years).
 */
const SESSION_QUOTA = '<interval><duration>2147483647</duration><queries>2</queries></interval>';

/** The local session opens the port and then sleeps; it needs nothing else (DESIGN.md). */
const ANONYMOUS_GRANTS = ['GRANT SYSTEM LISTEN ON *.*', 'GRANT SELECT ON system.numbers'];

const READER_GRANTS = ['GRANT SELECT ON meshtrail.*'];

const WRITER_GRANTS = [
  'GRANT CREATE DATABASE, CREATE TABLE, DROP TABLE, ALTER, INSERT, SELECT, OPTIMIZE ON meshtrail.*',
  'GRANT KILL QUERY ON *.*',
  'GRANT TABLE ENGINE ON MergeTree',
  'GRANT TABLE ENGINE ON Merge',
  'GRANT SYSTEM MERGES ON meshtrail.*',
  'GRANT SHOW TABLES, SHOW COLUMNS ON meshtrail.*',
  ...['processes', 'parts', 'merges', 'metrics', 'disks', 'tables', 'columns', 'databases'].map(
    (table) => `GRANT SELECT ON system.${table}`,
  ),
];

function renderUser(name: string, hash: string, profile: string, grants: string[]): string {
  const secret =
    hash === '' ? '<password></password>' : `<password_sha256_hex>${hash}</password_sha256_hex>`;
  return (
    `<${name}>${secret}<networks><ip>127.0.0.1</ip></networks><profile>${profile}</profile>` +
    `<quota>${name === 'default' ? 'session' : 'default'}</quota><access_management>0</access_management>` +
    `<grants>${grants.map((grant) => element('query', grant)).join('')}</grants></${name}>`
  );
}

function element(name: string, contents: string): string {
  return `<${name}>${contents}</${name}>`;
}

const elements = (values: Readonly<Record<string, number | string>>): string =>
  Object.entries(values)
    .map(([name, value]) => element(name, String(value)))
    .join('\n');

/** Text as XML may hold it; paths are the only texts here that are not ours. */
const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
