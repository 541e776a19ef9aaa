/** @file Damaged and hostile model files: an error with a code or a correct open; no crash, no hang, no greed. */
import { expect, test } from 'vitest';
import { formats } from './formats.ts';
import { sweep } from './sweep.ts';

/** The first ones of the thousand of test/long/fuzz.test.ts; hostile files made by hand are among them. */
const FILES = 150;

test.each(formats)('%s: every damaged file is refused with a code or opens', async (format) => {
  const { faults, outcomes } = await sweep(format, 0, FILES);
  expect(faults).toEqual([]);
  expect(Object.values(outcomes).reduce((a, b) => a + b, 0)).toBe(FILES);
  expect(Object.keys(outcomes).length).toBeGreaterThan(1);
});
