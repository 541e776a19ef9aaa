/** @file Other tasks under an edit of rows: the same as the edit in the graph, nothing where nothing moves, random edits as long. */
import { describe, expect, test } from 'vitest';
import { silent } from '../../../src/core/progress.ts';
import { random } from '../../../src/core/random.ts';
import { editPositions, readStates } from '../../../src/edits/bias/positions.ts';
import type { PooledEdit } from '../../../src/edits/bias/problem.ts';
import {
  bothSides,
  openTaskCollateral,
  randomEdit,
  TASK_RULE,
} from '../../../src/edits/bias/task-collateral.ts';
import { measureCollateral } from '../../../src/edits/collateral/measure.ts';
import { parseChange } from '../../../src/edits/edit-file.ts';
import { leace } from '../../../src/edits/erasure/leace.ts';
import { eraserChange } from '../../../src/edits/kinds/erase.ts';
import type { Change } from '../../../src/edits/kinds/registry.ts';
import { run, tinySetting } from '../../circuits/support/tiny.ts';

const { model, network, task, dictionaries } = tinySetting(11);
const dictionary = { ...dictionaries[0]!, sinkNorm: 1e9 };
const others = [task, { ...tinySetting(12).task, name: 'other' }];
const about = { ...tinySetting(13).task, name: 'about' };
const stream = random(3);
const eraser = leace({
  x_ND: Float64Array.from({ length: 60 * 16 }, () => stream.normal()),
  width: 16,
  z_NZ: Array.from({ length: 60 }, (_, i) => i % 2),
  concepts: 1,
});
/** A random network can do nothing: all tasks count here. */
const rule = { ...TASK_RULE, able: 0, features: 6 };
const opened = await openTaskCollateral(
  network,
  dictionary,
  { tasks: [...others, about], targets: ['about'] },
  1,
  run,
  rule,
);
const strengths = (features: readonly number[], alpha: number): PooledEdit => ({
  kind: 'strengths',
  features,
  alpha: new Float64Array(features.length).fill(alpha),
});

const features = Array.from({ length: 12 }, (_, i) => i);

describe('other tasks under an edit of rows', () => {
  test.each<[string, PooledEdit, Change]>([
    [
      'features at 0.3',
      strengths(features, 0.3),
      parseChange({ kind: 'scale', dictionary: { dictionary }, features, by: 0.3 }, 'a test'),
    ],
    [
      'an eraser',
      { kind: 'eraser', eraser, strength: 1 },
      eraserChange(dictionary.site, eraser, { skipFirst: true }),
    ],
  ])('%s: as the same edit written into the graph', async (_, edit, change) => {
    const found = (await opened.measure(edit))!;
    const { tasks } = await measureCollateral(
      { model, edit: { changes: [change] }, tasks: [...others, about], windows: [], draws: 0, seed: 0, run },
      { progress: silent },
    );
    expect(found.tasks.map((one) => [one.task, one.target])).toEqual([
      ['tiny', false],
      ['other', false],
      ['about', true],
    ]);
    found.tasks.forEach(({ accuracy, effect }, i) => {
      const { accuracy: wanted, effect: change } = tasks[i]!;
      expect(accuracy.after.value).toBe(wanted.after.value);
      expect(effect.before.value).toBeCloseTo(change.before.value, 5);
      expect(effect.after.value).toBeCloseTo(change.after.value, 5);
      expect(effect.after.value).not.toBeCloseTo(effect.before.value, 3);
    });
    // The mean over the two others, not over the task that the edit is about.
    const gone = found.tasks.slice(0, 2).map(({ effect }) => Math.abs(effect.removed.value));
    expect(found.moved.value).toBeCloseTo((gone[0]! + gone[1]!) / 2, 10);
    expect(found.random.value).toBeGreaterThan(0);
  });

  test('nothing where the edit moves nothing', async () => {
    for (const edit of [{ kind: 'none' } as const, strengths(features, 1)]) {
      const { tasks, moved, random } = (await opened.measure(edit))!;
      expect([moved.value, moved.high, random.value]).toEqual([0, 0, 0]);
      for (const { effect, accuracy } of tasks)
        expect([effect.removed.value, accuracy.change.value]).toEqual([0, 0]);
    }
  });

  test('random edits move the prompts as far, by active features that are not the edit’s own', async () => {
    const states = [0, 1].map(() => Float32Array.from({ length: 4 * 5 * 16 }, () => 2 * stream.normal()));
    const sides = await readStates(dictionary, states, { examples: 4, positions: 5, width: 16 }, 1);
    const prompts = {
      sides: [sides[0]!, sides[1]!] as const,
      active: Array.from({ length: 40 }, (_, i) => i),
    };
    for (const edit of [strengths(features, -0.5), { kind: 'eraser', eraser, strength: 0.7 } as const]) {
      const other = randomEdit(dictionary, prompts, edit, 6, random(1));
      if (other.kind !== 'strengths') throw new Error('random edits are features');
      expect(other.features).toHaveLength(6);
      if (edit.kind === 'strengths') expect(other.features.some((one) => features.includes(one))).toBe(false);
      const [wanted, got] = [edit, other].map((one) => bothSides(dictionary, prompts, one).move);
      expect(wanted).toBeGreaterThan(0.1);
      expect(got).toBeCloseTo(wanted!, 5);
    }
  });

  test('what the network cannot do, and what nothing is left of, is not scored, with the reason', async () => {
    const hard = await openTaskCollateral(
      ...([network, dictionary, { tasks: others, targets: [] }, 1, run] as const),
      { ...rule, able: 1.01 },
    );
    expect(hard.left.map(({ task }) => task)).toEqual(['tiny', 'other']);
    expect(hard.left[0]!.why).toMatch(/answers \d+ % of its prompts right/);
    expect(await hard.measure(strengths(features, 0))).toBeUndefined();
    await hard.release();
    const none = await openTaskCollateral(network, dictionary, { tasks: [], targets: [] }, 1, run);
    expect([none.left, await none.measure(strengths(features, 0))]).toEqual([[], undefined]);
    await none.release();
  });

  test('positions that the dictionary does not read stay, the others move as their rows do', async () => {
    const states = Float32Array.from({ length: 2 * 3 * 16 }, () => stream.normal());
    // One row beyond the norm: an attention sink.
    states.fill(9, 4 * 16, 5 * 16);
    const shape = { examples: 2, positions: 3, width: 16 };
    const [read] = await readStates({ ...dictionary, sinkNorm: 20 }, [states], shape, 1);
    expect(read!.read).toEqual([1, 2, 5]);
    const { x_BTD, move } = editPositions(dictionary, read!, { kind: 'eraser', eraser, strength: 1 });
    let far = 0;
    for (let row = 0; row < 6; row++) {
      const away = Math.hypot(
        ...x_BTD.subarray(row * 16, (row + 1) * 16).map((x, d) => x - states[row * 16 + d]!),
      );
      expect(away > 0, `row ${row}`).toBe([1, 2, 5].includes(row));
      far += away / 3;
    }
    expect(move).toBeCloseTo(far, 5);
  });
});
