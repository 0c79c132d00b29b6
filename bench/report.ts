import { writeFileSync } from 'node:fs';

/** What was reached, line by line as it comes, and all of it as JSON in the end. */
export interface Target {
  readonly most?: number;
  readonly least?: number;
}

export interface Line {
  readonly section: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: Target;
  readonly verdict?: 'ok' | 'short';
  /** What else there is to say, server and engine apart for example. */
  readonly detail?: string;
}

const NAME_WIDTH = 52;
const VALUE_WIDTH = 11;
const UNIT_WIDTH = 10;
const GOAL_WIDTH = 10;
const VERDICT_WIDTH = 6;

/** Four digits that count; large numbers whole. */
const shown = (value: number): string => {
  if (!Number.isFinite(value)) return '-';
  if (Number.isInteger(value) || Math.abs(value) >= 1000) {
    return Math.round(value).toLocaleString('en');
  }
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
};

const meets = (value: number, { most, least }: Target): boolean =>
  (most === undefined || value <= most) && (least === undefined || value >= least);

const goalOf = ({ most, least }: Target = {}): string => {
  if (most !== undefined && most === least) return `= ${shown(most)}`;
  if (most !== undefined) return `<= ${shown(most)}`;
  return least === undefined ? '' : `>= ${shown(least)}`;
};

export class Report {
  readonly lines: Line[] = [];
  private section = '';
  private readonly write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.write = write;
  }

  begin(section: string, note = ''): void {
    this.section = section;
    this.write(`\n${section}${note === '' ? '' : `  (${note})`}\n`);
  }

  line(name: string, value: number, unit: string, target?: Target, detail?: string): void {
    const verdict =
      target === undefined
        ? undefined
        : meets(value, target)
          ? ('ok' as const)
          : ('short' as const);
    this.lines.push({
      section: this.section,
      name,
      value,
      unit,
      ...(target && { target }),
      ...(verdict && { verdict }),
      ...(detail !== undefined && { detail }),
    });
    const columns = [
      `  ${name.padEnd(NAME_WIDTH)}${shown(value).padStart(VALUE_WIDTH)}`,
      unit.padEnd(UNIT_WIDTH),
      goalOf(target).padEnd(GOAL_WIDTH),
      (verdict ?? '').padEnd(VERDICT_WIDTH),
      detail ?? '',
    ];
    this.write(`${columns.join(' ').trimEnd()}\n`);
  }

  note(text: string): void {
    this.write(`  ${text}\n`);
  }

  /** The lines that fall short of their target, said once more. */
  end(): void {
    const short = this.lines.filter(({ verdict }) => verdict === 'short');
    const held = this.lines.filter(({ verdict }) => verdict === 'ok');
    this.write(`\n${held.length} targets reached, ${short.length} not\n`);
    for (const { section, name } of short) this.write(`  short: ${section}: ${name}\n`);
  }

  save(file: string, facts: Readonly<Record<string, unknown>>): void {
    writeFileSync(file, `${JSON.stringify({ ...facts, lines: this.lines }, null, 2)}\n`);
  }
}
