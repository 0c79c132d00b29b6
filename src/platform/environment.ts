/** The only door to environment variables. */
export interface Environment {
  /** The variable's text; undefined when it is unset (an empty one is ''). */
  get(name: string): string | undefined;
  /** A copy of all variables, for a child process or to look for unknown MESHTRAIL_ names. */
  all(): Record<string, string>;
}

/** The variables of this process. */
export const systemEnvironment: Environment = environmentOf(process.env);

/** An environment over plain values, for tests and simulation. */
export function environmentOf(values: Record<string, string | undefined>): Environment {
  return {
    get: (name) => values[name],
    all() {
      const copy: Record<string, string> = {};
      for (const [name, text] of Object.entries(values)) {
        if (text !== undefined) copy[name] = text;
      }
      return copy;
    },
  };
}
