/** @file What a model makes of a task: accuracy, logit differences, and the groups in which it fails. */
import { expect, test } from 'vitest';
import { measureBehaviour } from '../../src/circuits/behaviour.ts';
import { networkOf } from '../../src/circuits/cuts.ts';
import { pairsOf } from '../../src/circuits/examples.ts';
import { forwardPairs } from '../../src/circuits/forward.ts';
import { run, tinySetting } from './support/tiny.ts';

test('groups are named where the model fails, and figures are those of the runs', async () => {
  const { model, task } = tinySetting();
  const all = [...task.train, ...task.heldOut];
  const { clean, patch } = await forwardPairs(networkOf(model), pairsOf('all', all), [], run);
  // Labels that say what the model makes of it: groups of enough examples, one of them right throughout.
  const labelled = (examples: typeof all, from: number) =>
    examples.map((e, i) => ({ ...e, labels: { good: String(clean.metric_B[from + i]! > 0) } }));
  const found = await measureBehaviour(
    model,
    {
      ...task,
      train: labelled(task.train as typeof all, 0),
      heldOut: labelled(task.heldOut as typeof all, task.train.length),
    },
    run,
    1,
  );
  const right = clean.metric_B.filter((m) => m > 0).length;
  expect(found.examples).toBe(12);
  expect(found.accuracy.value).toBeCloseTo(right / 12, 12);
  const mean = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / values.length;
  expect(found.clean.value).toBeCloseTo(mean(clean.metric_B), 12);
  expect(found.patch.value).toBeCloseTo(mean(patch.metric_B), 12);
  expect(found.worst.m).toBe(Math.min(...clean.metric_B));
  const wrong = 12 - right;
  if (wrong >= 5)
    expect(found.weakest[0]).toEqual({ label: 'good', value: 'false', examples: wrong, accuracy: 0 });
  else expect(found.weakest).toEqual([]);
});
