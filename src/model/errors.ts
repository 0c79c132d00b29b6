/** A refusal with a code from docs/errors.md: what happened and what to do next. */
export class MeshtrailError extends Error {
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint = '', options?: ErrorOptions) {
    super(message, options);
    this.name = 'MeshtrailError';
    this.code = code;
    this.hint = hint;
  }

  /** The form in which our own endpoints answer: `{"error":{code,message,hint}}`. */
  toJSON(): { error: { code: string; message: string; hint: string } } {
    return { error: { code: this.code, message: this.message, hint: this.hint } };
  }
}

/** Guards our own invariants; never used on input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

export const must = <T>(value: T | undefined | null, message: string): T => {
  if (value === undefined || value === null) throw new Error(`invariant broken: ${message}`);
  return value;
};

export const unreachable = (value: never): never => {
  throw new Error(`invariant broken: unreachable ${String(value)}`);
};
