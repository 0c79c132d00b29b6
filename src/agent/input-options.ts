import type { MultilineOptions } from '../ingest/multiline/multiline.ts';

/**
 * What an operator can say about an input; the configuration's reader checks ranges and fills in
 * the defaults given here. `name` is unique in the agent, `[a-z0-9_-]{1,64}`.
 * `openInput(options, doors)` in read/open.ts makes the input.
 */
export type InputOptions =
  | FileOptions
  | ContainerOptions
  | JournaldOptions
  | SyslogOptions
  | OtlpOptions
  | StdinOptions
  | ExecOptions;

interface LinesOptions {
  readonly name: string;
  /** `auto`: stack traces of all languages that we know; `none`; or by pattern. Default `auto`. */
  readonly multiline: 'auto' | 'none' | MultilineOptions;
  /** Name of the line's format, for the normalizer; undefined: found by looking. */
  readonly format?: string | undefined;
}

/** How files are found and followed. */
export interface FollowOptions {
  /** Absolute paths with `*`, `?`, `[a-z]`, `{a,b}` and `**` (any number of folders). */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Where a file without checkpoint that is there at the first look is begun. `beginning`. */
  readonly startAt: 'beginning' | 'end';
  /** Files not changed for so long are not begun; 0: all are. Default 0. */
  readonly ignoreOlderMs: number;
  /** A file that gives nothing for so long is closed (and looked at on). Default 300,000. */
  readonly closeInactiveMs: number;
  /** Time between two looks for new files. Default 5,000. */
  readonly discoverMs: number;
  /** A last line without newline is sent as it stands after so long; 0: never. Default 30,000. */
  readonly partialLineMs: number;
  /** Rotated `.gz` files that `include` matches are read, once. Default true. */
  readonly gzip: boolean;
}

export interface FileOptions extends LinesOptions, FollowOptions {
  readonly kind: 'file';
  /** `auto`: UTF-8 unless a byte order mark says UTF-16. Default `auto`. */
  readonly encoding: 'auto' | 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1';
}

export interface ContainerOptions extends LinesOptions, FollowOptions {
  readonly kind: 'container';
  /** `auto`: seen from the first line. */
  readonly runtime: 'auto' | 'cri' | 'docker';
  readonly kubernetes: KubernetesOptions | undefined;
}

/** Pod metadata from the API; all paths and addresses have their in-cluster defaults. */
export interface KubernetesOptions {
  /** https://HOST:PORT; undefined: KUBERNETES_SERVICE_HOST and _PORT. */
  readonly url?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly caFile?: string | undefined;
  /** This node's name; undefined: NODE_NAME, else all pods are watched. */
  readonly node?: string | undefined;
  /** Labels and annotations that go along, by name; `*` at the end stands for any rest. */
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
  /** How long a container's first lines wait for its pod's metadata. Default 5,000. */
  readonly waitMs: number;
}

export interface JournaldOptions {
  readonly kind: 'journald';
  readonly name: string;
  /** Units (`-u`) and a journal's directory (`-D`) or namespace; all of the machine's without. */
  readonly units: readonly string[];
  readonly directory?: string | undefined;
  readonly namespace?: string | undefined;
  /** Further matches as journalctl takes them: `_TRANSPORT=kernel`. */
  readonly matches: readonly string[];
  readonly startAt: 'beginning' | 'end';
  /** Default `journalctl`, looked for in PATH. */
  readonly program: string;
}

export interface SyslogOptions {
  readonly kind: 'syslog';
  readonly name: string;
  readonly listen: readonly { transport: 'tcp' | 'udp'; host: string; port: number }[];
}

export interface OtlpOptions {
  readonly kind: 'otlp';
  readonly name: string;
  /** Loopback only, unless the operator says otherwise: the configuration's reader decides. */
  readonly host: string;
  readonly port: number;
}

export interface StdinOptions extends LinesOptions {
  readonly kind: 'stdin';
}

export interface ExecOptions extends LinesOptions {
  readonly kind: 'exec';
  /** Program and its words; no shell. */
  readonly command: readonly string[];
  readonly directory?: string | undefined;
  /** Run it every so often; undefined: it runs on, and is started again when it ends. */
  readonly intervalMs?: number | undefined;
  /** A run on an interval that takes longer is ended. Default 60,000. */
  readonly timeoutMs: number;
}
