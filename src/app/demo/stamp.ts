/** Times as the formats write them. All are UTC; `timeUs` is microseconds since 1970. */
export const US_PER_SECOND = 1_000_000;

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** Lines come in the order of their times: the second's text is nearly always that of the last. */
let lastSecond = -1;
let lastText = '';

const secondText = (second: number): string => {
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toISOString().slice(0, 19);
    lastSecond = second;
  }
  return lastText;
};

/** `2026-01-31T12:00:00.123456`, the fraction with `digits` digits (0 to 9), without a zone. */
export const isoTime = (timeUs: number, digits: number): string => {
  const second = Math.floor(timeUs / US_PER_SECOND);
  if (digits === 0) return secondText(second);
  const fraction = pad((timeUs - second * US_PER_SECOND) * 1000, 9).slice(0, digits);
  return `${secondText(second)}.${fraction}`;
};

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `31/Jan/2026:12:00:00 +0000`, as the common log format has it. */
export const clfTime = (timeUs: number): string => {
  const iso = isoTime(timeUs, 0);
  const month = MONTHS[Number(iso.slice(5, 7)) - 1] ?? 'Jan';
  return `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11)} +0000`;
};

/** `0131 12:00:00.123456`, klog's. */
export const klogTime = (timeUs: number): string => {
  const iso = isoTime(timeUs, 6);
  return `${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11)}`;
};

/** Nanoseconds since 1970 in digits. */
export const nanosText = (timeUs: number): string => `${timeUs}000`;

/** Milliseconds with `digits` decimals. */
export const msText = (durationUs: number, digits: number): string =>
  (durationUs / 1000).toFixed(digits);
