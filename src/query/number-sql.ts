/**
 * Texts of labels as numbers in SQL, as pipeline/numbers.ts and label-filter.ts read them in
 * process. Only plain forms are read, by the same steps on the same doubles, so that the digits are
 * the same; `plain` says which texts those are. The rest is decided in process.
 */
export interface NumberReading {
  /** Whether the text is plain, as SQL. */
  readonly plain: (text: string) => string;
  /** The number of a plain text, as SQL: Float64 or Int64. */
  readonly value: (text: string) => string;
  /** The number of a number column's value; `undefined` where its digits are none of this kind. */
  readonly ofColumn: ((column: string) => string) | undefined;
}

/** Powers of ten are exact as doubles, and so is the division by one (Clinger's fast path). */
const POWERS_SQL = `[${Array.from({ length: 10 }, (_, i) => `1e${i}`).join(', ')}]`;

const decimalSql = (text: string): string => {
  const point = `position(${text}, '.')`;
  const places = `if(${point} = 0, 0, length(${text}) - ${point})`;
  const digits = `toInt64OrZero(replaceOne(${text}, '.', ''))`;
  return `(toFloat64(${digits}) / ${POWERS_SQL}[1 + ${places}])`;
};

const matches = (pattern: string) => (text: string) => `match(${text}, '${pattern}')`;

/** Decimals of up to 15 digits. Not `-0.5`: a negative zero must not come in that way. */
export const NUMBERS: NumberReading = {
  plain: matches('^(?:(?:-?[1-9][0-9]{0,8}|0)(?:[.][0-9]{1,6})?|-?[1-9][0-9]{9,14})$'),
  value: decimalSql,
  ofColumn: (column) => `toFloat64(${column})`,
};

const DURATION_UNITS = `['ns', 'us', 'µs', 'ms', 's', 'm', 'h'], [1, 1000, 1000, 1000000, 1000000000, 60000000000, 3600000000000]`;

/** Nanoseconds of Go's durations of one unit. */
export const DURATIONS: NumberReading = {
  plain: matches('^(?:[0-9]{1,6}(?:[.][0-9]{1,9})?(?:ns|us|µs|ms|s|m|h)|[0-9]{7,15}ns)$'),
  value: (text) => {
    const unit = `toInt64(transform(extract(${text}, '[a-zµ]+$'), ${DURATION_UNITS}, 0))`;
    const fraction = `extract(${text}, '[.]([0-9]+)')`;
    const share = `toFloat64(${unit}) / ${POWERS_SQL}[1 + length(${fraction})]`;
    const whole = `toInt64OrZero(extract(${text}, '^[0-9]+')) * ${unit}`;
    return `(${whole} + toInt64(trunc(toFloat64(toInt64OrZero(${fraction})) * (${share}))))`;
  },
  ofColumn: undefined,
};

/** The same durations in seconds, whole ones and the rest apart, as `unwrap` adds them. */
export const DURATION_SECONDS: NumberReading = {
  ...DURATIONS,
  value: (text) => {
    const ns = DURATIONS.value(text);
    return `(toFloat64(intDiv(${ns}, 1000000000)) + toFloat64(${ns} % 1000000000) / 1e9)`;
  },
};

const SIZE_UNITS = (() => {
  const prefixes = ['k', 'm', 'g', 't'];
  const names = ['', ...prefixes, ...prefixes.map((prefix) => `${prefix}i`)];
  const sizes = [1, 1e3, 1e6, 1e9, 1e12, ...prefixes.map((_, i) => 1024 ** (i + 1))];
  return `[${names.map((name) => `'${name}'`).join(', ')}], [${sizes.join(', ')}]`;
})();

/** Bytes of sizes below 2^62. */
export const SIZES: NumberReading = {
  plain: matches('^(?:[0-9]{1,6}(?:[.][0-9]{1,6})? ?(?:(?i)b|[kmgt]i?b?)?|[0-9]{7,15}(?:(?i)b)?)$'),
  value: (text) => {
    const unit = `trimRight(lower(extract(${text}, '[a-zA-Z]*$')), 'b')`;
    const size = `toFloat64(transform(${unit}, ${SIZE_UNITS}, 0))`;
    return `trunc(${decimalSql(`extract(${text}, '^[0-9.]+')`)} * ${size})`;
  },
  ofColumn: (column) => `toFloat64(${column})`,
};
