/** Seconds of a day. */
export const DAY = 86_400;
const DAYS_BEFORE = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

/**
 * Days from 1970-01-01 to a date of the proleptic Gregorian calendar; `NaN` where there is no such
 * day.
 */
export const daysOf = (year: number, month: number, day: number): number => {
  if (month < 1 || month > 12 || day < 1) return NaN;
  const before = DAYS_BEFORE[month - 1] as number;
  const length = (month === 12 ? 365 : (DAYS_BEFORE[month] as number)) - before;
  const leapDay = isLeap(year) && month === 2 ? 1 : 0;
  if (day > length + leapDay) return NaN;
  const years = year - 1;
  const leaps = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  const passed = isLeap(year) && month > 2 ? 1 : 0;
  return years * 365 + leaps + before + passed + day - 1 - 719_162;
};

/** The year of a second since 1970. */
export const yearOf = (sec: number): number => {
  let year = 1970 + Math.floor(sec / (365.2425 * DAY));
  if (daysOf(year, 1, 1) * DAY > sec) year--;
  if (daysOf(year + 1, 1, 1) * DAY <= sec) year++;
  return year;
};
