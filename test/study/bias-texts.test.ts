import { expect, test } from 'vitest';
import { withoutFirstSentence } from '../../src/study/bias/texts.ts';

const rest = 'She moved to Paris at the age of twenty-four and studied there for many years.';

test('the sentence that names the field is left out, abbreviations and brackets do not end it', () => {
  expect(withoutFirstSentence(`Ada was a physicist. ${rest}`)).toBe(rest);
  expect(withoutFirstSentence(`J. S. Ada (b. 1820 in St. Ives. She knew it) was a physicist. ${rest}`)).toBe(
    rest,
  );
});

test('a text with nothing behind its first sentence is none', () => {
  expect(withoutFirstSentence('Ada was a physicist.')).toBeUndefined();
  expect(withoutFirstSentence('Ada was a physicist. She died.')).toBeUndefined();
});
