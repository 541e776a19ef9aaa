/** @file A thousand damaged files of each format (the first 150 are in test/fuzz/fuzz.test.ts). */
import { expect, test } from 'vitest';
import { formats } from '../fuzz/formats.ts';
import { sweep } from '../fuzz/sweep.ts';

test.each(formats)(
  '%s: every one of a thousand is refused with a code or opens',
  async (format) => {
    const { faults } = await sweep(format, 0, 1000);
    expect(faults).toEqual([]);
  },
  1_200_000,
);
