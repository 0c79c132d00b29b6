import type { QueryParams } from '../model/storage.ts';

/**
 * The values of one statement. Users' texts reach the engine only through here, bound by number and
 * never as part of the SQL.
 */
export class SqlParams {
  readonly values: Record<string, string | number | bigint | readonly string[]> = {};
  /** Rows that the engine is to take at once; undefined: as many as it likes. */
  blockRows: number | undefined;
  private count = 0;
  private readonly known = new Map<string, string>();

  /** A text; the same text keeps its number. */
  text(value: string): string {
    const held = this.known.get(value);
    if (held !== undefined) return held;
    const bound = this.bind('String', value);
    this.known.set(value, bound);
    return bound;
  }

  texts(values: readonly string[]): string {
    return this.bind('Array(String)', values);
  }

  int64(value: bigint | number): string {
    return this.bind('Int64', value);
  }

  /** A double, bit by bit: the engine's own reading of decimals may be off by the last digit. */
  float64(value: number): string {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    return `reinterpretAsFloat64(${this.int64(bits.getBigInt64(0))})`;
  }

  /** A time in nanoseconds since 1970, as the tables keep it. */
  time(ns: bigint): string {
    return `fromUnixTimestamp64Nano(${this.int64(ns)})`;
  }

  get all(): QueryParams {
    return this.values;
  }

  private bind(type: string, value: string | number | bigint | readonly string[]): string {
    const name = `p${this.count++}`;
    this.values[name] = value;
    return `{${name}:${type}}`;
  }
}
