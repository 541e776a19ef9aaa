/** @file Tasks that tell nothing are refused, with the example and the reason. */
import { expect, test } from 'vitest';
import { requireContrast } from '../../src/circuits/contrast.ts';
import type { Example } from '../../src/data/tasks.ts';

const example = (word: string): Example => ({
  clean: [1, 2],
  patch: [1, 3],
  answer: 4,
  wrong: 5,
  cleanText: `clean ${word}`,
  patchText: `patch ${word}`,
  labels: {},
});
const examples = ['one', 'two', 'three'].map(example);

test('pairs that change the metric pass', () => {
  expect(() => requireContrast('t', examples, [1, 2, -3], [0, 2.001, 3])).not.toThrow();
});

test('a metric that is constant in one example is named with its prompts', () => {
  for (const patch of [2.5, 2.5 + 1e-7, Number.NaN]) {
    expect(() => requireContrast('t', examples, [1, 2.5, 3], [0, patch, 1])).toThrow(
      expect.objectContaining({
        code: 'circuit.constant-metric',
        where: 't, example 2',
        message: expect.stringMatching(/example 2 .* 2\.500 .*"clean two" against "patch two"/),
      }),
    );
  }
});

test('a single example is refused', () => {
  expect(() => requireContrast('t', examples.slice(0, 1), [1], [0])).toThrow(
    expect.objectContaining({ code: 'circuit.one-example', message: expect.stringContaining('clean one') }),
  );
});
