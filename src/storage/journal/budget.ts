import { LIMITS } from '../../model/limits.ts';

/** Room to be free again before senders are let in: a sixteenth, so that they do not flap. */
const HYSTERESIS = 15 / 16;
/** A budget is made of many files, since space is freed by the file. */
const FILES_PER_BUDGET = 16;
const LEAST_FILE_BYTES = 65_536;
/** A frame's header and tag, at most about. */
const FRAME_OVERHEAD_BYTES = 512;

/** The journal's disk budget. */
export class Budget {
  /** Size at which a file ends. */
  readonly fileBytes: number;
  /** Set by a refusal, until there is room again. */
  full = false;
  /** Size of the batch that was refused last. */
  private wantedBytes = 0;
  private readonly maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    const share = Math.max(Math.floor(maxBytes / FILES_PER_BUDGET), LEAST_FILE_BYTES);
    this.fileBytes = Math.min(LIMITS.journalFileBytes, share);
  }

  refuses(usedBytes: number, sizeBytes: number): boolean {
    if (usedBytes + sizeBytes + FRAME_OVERHEAD_BYTES > this.maxBytes) {
      this.full = true;
      // Bounded, so that one that can never fit does not keep the others out.
      this.wantedBytes = Math.min(sizeBytes, this.maxBytes / 2);
    }
    return this.full;
  }

  freed(usedBytes: number): void {
    const enough = usedBytes <= this.maxBytes * HYSTERESIS;
    if (enough && usedBytes + this.wantedBytes <= this.maxBytes) this.full = false;
  }
}
