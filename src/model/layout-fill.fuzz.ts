import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bytes } from './bytes.ts';
import { anyLayout, anyRow } from './layout-arbitrary.ts';
import { createFill } from './layout-fill.ts';
import { binary, fillLine } from './layout.ts';

test('rows filled one after the other are what fillLine gives', () => {
  fc.assert(
    fc.property(anyLayout, fc.array(anyRow, { maxLength: 5 }), (layout, rows) => {
      const fill = createFill(layout);
      const out = new Bytes(1);
      for (const row of rows) fill(row, out);
      const lines = rows.map((row) => binary(fillLine(layout, row)));
      expect(binary(out.take())).toBe(lines.join(''));
    }),
  );
});
