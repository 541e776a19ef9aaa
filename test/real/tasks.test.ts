/** @file The built-in tasks and texts on the real model: it behaves as the tasks suppose. */
import { describe, expect, test } from 'vitest';
import { pearson } from '../../src/core/statistics.ts';
import { i64 } from '../../src/core/tensor.ts';
import { agreementTask, genderTask, type Task } from '../../src/data/tasks.ts';
import { openSession } from '../../src/runtime/session.ts';
import { hasRealModel, realModel } from '../support/real-model.ts';

describe.runIf(await hasRealModel())('on SmolLM2', async () => {
  const model = await realModel();
  const options = { train: 100, heldOut: 60, seed: 0 };
  const session = await openSession(model.graph, { threads: 2 });

  /** logit(a) − logit(b) at the end of each prompt of one length. */
  async function differences(
    prompts: readonly (readonly number[])[],
    a: number,
    b: number,
  ): Promise<number[]> {
    const length = prompts[0]!.length;
    const { logits } = await session.run({ tokens: i64([prompts.length, length], prompts.flat()) });
    const [, , vocabulary] = logits!.shape as [number, number, number];
    const data = logits!.data as Float32Array;
    return prompts.map((_, p) => {
      const last = ((p + 1) * length - 1) * vocabulary;
      return data[last + a]! - data[last + b]!;
    });
  }

  async function metrics({ heldOut }: Task, side: 'clean' | 'patch'): Promise<number[]> {
    const values: number[] = [];
    for (const e of heldOut) values.push((await differences([e[side]], e.answer, e.wrong))[0]!);
    return values;
  }
  const share = (values: number[]) => values.filter((m) => m > 0).length / values.length;

  test('agreement: at least 85 % of held-out verbs are right, in both members of a pair', async () => {
    const task = agreementTask(model.tokenizer, options);
    expect(task.positions).toEqual(['The', 'subject', 'preposition', 'the', 'noun between']);
    expect(share(await metrics(task, 'clean'))).toBeGreaterThanOrEqual(0.85);
    expect(share((await metrics(task, 'patch')).map((m) => -m))).toBeGreaterThanOrEqual(0.85);
  });

  test('gender: the patch lowers the metric in at least 8 of 10 held-out pairs', async () => {
    const task = genderTask(model.tokenizer, options);
    const clean = await metrics(task, 'clean');
    const patch = await metrics(task, 'patch');
    expect(share(clean.map((m, i) => m - patch[i]!))).toBeGreaterThanOrEqual(0.8);
  });

  test('gender: the log-odds of she follow the share of women over the occupations, r ≥ 0.7', async () => {
    const task = genderTask(model.tokenizer, options);
    const { answer, wrong } = task.train[0]!;
    const known = task.occupations.filter((o) => o.split !== 'left-out');
    expect(known).toHaveLength(30);
    const odds: number[] = [];
    for (const o of known) {
      const values = await differences(o.prompts, answer, wrong);
      odds.push(values.reduce((a, b) => a + b, 0) / values.length);
    }
    expect(
      pearson(
        odds,
        known.map((o) => o.percentWomen),
      ),
    ).toBeGreaterThanOrEqual(0.7);
  });
});
