import { fillLine } from '../../model/layout.ts';
import { LayoutFinder, type WholeReason } from '../../model/layout-finder.ts';
import { RecordValues } from '../../model/record-values.ts';
import { LogRecord } from '../../model/record.ts';
import { createNormalize, type Normalize } from './recognise.ts';

/** What becomes of a line, for tests: its layout and what filling gives, or why it has none. */
export type Kept =
  { readonly layout: string; readonly line: string } | { readonly whole: WholeReason } | undefined;

/** 2025-11-20T10:00:00Z: near it lie the times without a year. */
const OBSERVED_SEC = 1_763_632_800;

/** Keeps lines one after the other, as a decoding thread does. */
export class LineKeeper {
  private readonly finder = new LayoutFinder();
  private readonly normalize: Normalize;
  private readonly record = new LogRecord();
  private readonly values = new RecordValues();

  constructor(normalize: Normalize = createNormalize()) {
    this.normalize = normalize;
  }

  /** undefined for lines without structure; `envelope` sets what a shipper knows. */
  keep(line: Uint8Array, envelope?: (record: LogRecord) => void): Kept {
    const { record, values } = this;
    record.reset();
    record.observedSec = OBSERVED_SEC;
    record.setLine(line, 0, line.length);
    envelope?.(record);
    this.normalize(record, 0);
    if (!record.structured) return undefined;
    const found = this.finder.find(record);
    if (typeof found === 'string') return { whole: found };
    values.record = record;
    const filled = fillLine(found.layout, values);
    return { layout: found.text, line: Buffer.from(filled).toString('latin1') };
  }
}
