const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** A field's name as a label: spaces around it go, what no label may hold becomes `_`. */
export const sanitizeKey = (key: string): string => {
  if (LABEL_NAME.test(key)) return key;
  const plain = key.trim().replaceAll(/[^a-zA-Z0-9_]/gu, '_');
  return /^[0-9]/.test(plain) ? `_${plain}` : plain;
};

/** The next part of a nested field's name; a digit in front matters only at the very start. */
export const joinKey = (prefix: string, key: string): string => {
  if (prefix === '') return sanitizeKey(key);
  if (LABEL_NAME.test(key)) return `${prefix}_${key}`;
  const plain = key.trim().replaceAll(/[^a-zA-Z0-9_]/gu, '_');
  return plain === '' ? prefix : `${prefix}_${plain}`;
};
