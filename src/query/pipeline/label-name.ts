/** A field's name as a label: spaces around it go, what no label may hold becomes `_`. */
export const sanitizeKey = (key: string): string => {
  const plain = key.trim().replaceAll(/[^a-zA-Z0-9_]/gu, '_');
  return /^[0-9]/.test(plain) ? `_${plain}` : plain;
};

/** The next part of a nested field's name; a digit in front matters only at the very start. */
export const joinKey = (prefix: string, key: string): string => {
  const plain = key.trim().replaceAll(/[^a-zA-Z0-9_]/gu, '_');
  if (plain === '') return prefix;
  return prefix === '' ? sanitizeKey(plain) : `${prefix}_${plain}`;
};
