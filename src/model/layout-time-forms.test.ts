import { expect, it } from 'vitest';
import { timeFormOf } from './layout-time-forms.ts';
import { printTime } from './layout-time.ts';
import { LIMITS } from './limits.ts';
import { parsed, parseTime } from './time.ts';

const formOf = (text: string): number => {
  const bytes = Buffer.from(text);
  expect(parseTime(bytes, 0, bytes.length)).toBe(true);
  return parsed.form;
};

it('knows so many zones, and keeps those that came first', () => {
  const texts: string[] = [];
  for (let minutes = 0; texts.length < LIMITS.timeZones; minutes++) {
    const zone = new Date(minutes * 60_000).toISOString().slice(11, 16);
    texts.push(`2025-11-20T10:00:00.25+${zone}`);
  }
  const forms = texts.map(formOf);
  // None and `Z` are known from the start.
  expect(forms.filter((form) => form > 0)).toHaveLength(LIMITS.timeZones - 2);
  expect(new Set(forms).size).toBe(LIMITS.timeZones - 1);
  expect(texts.map(formOf)).toEqual(forms);
  for (const [i, form] of forms.entries()) {
    if (form === 0) continue;
    formOf(texts[i] as string);
    const ns = BigInt(parsed.sec) * 1_000_000_000n + BigInt(parsed.nano);
    expect(printTime(timeFormOf(form), ns)).toBe(texts[i]);
  }
  expect(formOf('2025-11-20T10:00:00Z')).toBeGreaterThan(0);
});
