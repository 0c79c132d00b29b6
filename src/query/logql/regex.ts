import { RE2JS, RE2JSException } from 're2js';

/** RE2's words for what is wrong with an expression, as Go gives them, or `null`. */
export const regexFault = (regex: string): string | null => {
  const compiled = compile(regex);
  return typeof compiled === 'string' ? compiled : null;
};

/** What is wrong with the expression of a `regexp` stage, in Loki's words, or `null`. */
export const regexStageFault = (regex: string): string | null => {
  const compiled = compile(regex);
  if (typeof compiled === 'string') {
    const twice = /duplicate capture group name: `(.*)`$/.exec(compiled)?.[1];
    return twice === undefined ? compiled : `duplicate extracted label name '${twice}'`;
  }
  const named = Object.keys(compiled.namedGroups()).length > 0;
  return named ? null : 'at least one named capture must be supplied';
};

/** What is wrong with the expression of `label_replace`, which must match the whole value. */
export const labelReplaceFault = (regex: string): string | null => regexFault(`^(?:${regex})$`);

/** Whether a stream matcher's (valid) expression matches the empty value, as an absent label. */
export const matchesEmpty = (regex: string): boolean => {
  const compiled = compile(regex, RE2JS.DOTALL);
  return typeof compiled !== 'string' && compiled.matcher('').matches();
};

const compile = (regex: string, flags = 0): RE2JS | string => {
  try {
    return RE2JS.compile(regex, flags);
  } catch (error) {
    if (error instanceof RE2JSException) {
      // Go adds the (empty) rest of the expression to this one.
      return error.message.replace(/(trailing backslash at end of expression)$/, '$1: ``');
    }
    throw error;
  }
};
