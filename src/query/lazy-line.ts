import { fromUtf8, isValidUtf8 } from './utf8.ts';

/** The line of a row, printed once and not before somebody asks for it. */
export class LazyLine {
  private print: (() => Uint8Array) | undefined;
  private decoded = '';
  private size = 0;
  private raw: Uint8Array | undefined;

  /** `print` gives the line's bytes; it is let go of once it was called. */
  constructor(print: () => Uint8Array) {
    this.print = print;
  }

  /** See `Row`. */
  get line(): string {
    this.settle();
    return this.decoded;
  }

  get lineBytes(): number {
    this.settle();
    return this.size;
  }

  get lineRaw(): Uint8Array | undefined {
    this.settle();
    return this.raw;
  }

  private settle(): void {
    if (this.print === undefined) return;
    const bytes = this.print();
    this.print = undefined;
    this.decoded = fromUtf8(bytes);
    this.size = bytes.length;
    this.raw = isValidUtf8(bytes) ? undefined : bytes.slice();
  }
}
