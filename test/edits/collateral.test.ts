/** @file Collateral: nothing moves at strength 0, random edits move as far, concepts on their own axes do not touch each other. */
import { describe, expect, test } from 'vitest';
import { pairsOf } from '../../src/circuits/examples.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import type { Task } from '../../src/data/tasks.ts';
import { startOf } from '../../src/edits/collateral/behaviours.ts';
import { effectMatrix, matchStrength, scoreOf } from '../../src/edits/collateral/effects.ts';
import { measureCollateral } from '../../src/edits/collateral/measure.ts';
import { conceptOf, conceptRows, fitConcept, lastStates } from '../../src/edits/concepts.ts';
import { parseChange } from '../../src/edits/edit-file.ts';
import { leace } from '../../src/edits/erasure/leace.ts';
import { eraserChange } from '../../src/edits/kinds/erase.ts';
import { strengthen } from '../../src/edits/strengthen.ts';
import { run, tinySetting } from '../circuits/support/tiny.ts';
import { planted } from './planted.ts';

const setting = tinySetting(11);
const { model, network, task } = setting;
const other = { ...tinySetting(12).task, name: 'other' };
const context = { progress: silent };
const site = 'blocks.1.hook_resid_post';
const last = 'blocks.2.hook_resid_post';
const stream = random(6);
const windows = (count: number) =>
  Array.from({ length: count }, () => Int32Array.from({ length: 12 }, () => stream.integer(256)));
const change = (given: Record<string, unknown>) => parseChange(given, 'a test');
const steer = change({
  kind: 'steer',
  site,
  vector: Array.from({ length: 16 }, () => stream.normal()),
  by: 1.5,
});
const common = { model, tasks: [task, other], windows: windows(3), draws: 2, seed: 1, run };

/** A task of two answers in which position 1 alone decides: what a concept can be fitted to. */
function twoAnswers(name: string, answers: readonly [number, number], from: number): Task {
  const examples = (count: number, first: number) =>
    Array.from({ length: count }, (_, i) => {
      const [a, b] = i % 2 === 0 ? [0, 1] : [1, 0];
      const text = (which: number) => [7, from + which, 20 + ((first + i) % 30), 9];
      return {
        ...{ clean: text(a!), patch: text(b!), answer: answers[a!]!, wrong: answers[b!]! },
        ...{ cleanText: '', patchText: '', labels: {} },
      };
    });
  return { ...task, name, train: examples(16, 0), heldOut: examples(16, 0) };
}
const [one, two] = [twoAnswers('one', [100, 101], 40), twoAnswers('two', [150, 151], 60)];

describe('collateral', () => {
  test('of an edit at factor 0 is nothing', async () => {
    const edit = { changes: [steer] };
    const { tasks, text } = await measureCollateral({ ...common, edit, factor: 0 }, context);
    expect(text!.kl.value).toBeCloseTo(0, 6);
    expect(text!.perplexity.after).toBe(text!.perplexity.before);
    expect(text!.deltaX[0]!.size.value).toBe(0);
    for (const { accuracy, effect } of tasks) {
      expect(accuracy.change.value).toBe(0);
      expect(effect.removed.value).toBeCloseTo(0, 12);
    }
  });

  test('says how far the state moved, and what random edits as long do', async () => {
    const edit = { changes: [steer] };
    const result = await measureCollateral({ ...common, edit, targets: ['tiny'] }, context);
    const length = 'vector' in steer ? 1.5 * Math.hypot(...steer.vector.data) : 0;
    const text = result.text!;
    expect(text.deltaX[0]!.size.value).toBeCloseTo(length, 3);
    expect(text.kl.value).toBeGreaterThan(0);
    expect(text.random!.kl.value).toBeGreaterThan(0);
    expect(text.random!.beyond.value).toBeCloseTo(text.random!.kl.value - text.kl.value, 6);
    expect(result.tasks.map((t) => [t.task, t.target, t.examples])).toEqual([
      ['tiny', true, 5],
      ['other', false, 5],
    ]);
    const [first] = result.tasks;
    expect(first!.random!.beyond.value).toBeCloseTo(
      (1 - first!.random!.removed.value) * first!.effect.before.value - first!.effect.after.value,
      6,
    );
    expect(result.changes).toEqual([{ kind: 'steer', site, strength: 1 }]);
  });

  test('is measured from the tokens where an edit comes before every cut, and from the deepest cut else', async () => {
    expect(startOf(network, ['blocks.1.attn.hook_z', site])).toBe('blocks.0.hook_resid_post');
    expect(startOf(network, [site])).toBe(site);
    expect(startOf(network, ['hook_embed'])).toBe('hook_embed');
    const early = { ...network, cuts: network.cuts.slice(2) };
    expect(startOf(early, ['hook_embed'])).toBeUndefined();
  });
});

describe('a concept', () => {
  test('is the answer that each prompt calls for, clean sides first', () => {
    const pairs = { ...setting.pairs, answer_B: Int32Array.of(3, 5), wrong_B: Int32Array.of(5, 3) };
    expect(conceptOf(pairs)).toEqual({ concepts: 1, z_NZ: Float64Array.of(0, 1, 1, 0) });
  });
  test('with no carrier at a site is an error', async () => {
    const { pairs } = setting;
    const same = { ...pairs, patch_BT: pairs.clean_BT };
    const mirrored = {
      ...same,
      answer_B: pairs.answer_B.map(() => 3),
      wrong_B: pairs.wrong_B.map(() => 5),
    };
    // Both sides are the same prompts: no direction tells the answers apart.
    for (const kind of ['leace', 'mean-difference', 'inlp', 'steer'] as const) {
      await expect(fitConcept(network, kind, site, mirrored, run)).rejects.toMatchObject({
        code: 'edit.no-carrier',
      });
    }
  });
});

describe('a fitted change', () => {
  test.each(['leace', 'inlp', 'mean-difference', 'subspace'] as const)(
    '%s lets less of its own effect through',
    async (kind) => {
      const pairs = pairsOf(one.name, one.train);
      const edit = { changes: [await fitConcept(network, kind, last, pairs, run, { rank: 2 })] };
      const { tasks } = await measureCollateral(
        { ...common, tasks: [one], windows: [], draws: 0, edit },
        context,
      );
      expect(tasks[0]!.effect.removed.value).toBeGreaterThan(0.5);
    },
  );
  test('is fitted to the states from the first position on in which the sides differ', async () => {
    const pairs = pairsOf(one.name, one.train);
    const { x_ND, width, z_NZ } = await conceptRows(network.graph, last, pairs, run);
    // Position 1 of 4 tells the sides apart.
    expect([x_ND.length / width, z_NZ.length]).toEqual([2 * 16 * 3, 2 * 16 * 3]);
    const change = await fitConcept(network, 'steer', last, pairs, run);
    const mean = new Float64Array(width);
    for (let n = 0; n < z_NZ.length; n++)
      for (let d = 0; d < width; d++)
        mean[d]! += ((z_NZ[n]! > 0 ? 1 : -1) * x_ND[n * width + d]!) / (z_NZ.length / 2);
    if (!('vector' in change)) throw new Error('it steers');
    change.vector.data.forEach((value, d) => {
      expect(value).toBeCloseTo(mean[d]!, 5);
    });
  });
});

describe('the effect matrix', () => {
  test('scores 1 when only its own concept moves, 0 when all move alike', () => {
    expect(
      scoreOf([
        [0.5, 0],
        [0, 0.5],
      ]).score,
    ).toBe(1);
    expect(
      scoreOf([
        [0.5, -0.5],
        [0.5, 0.5],
      ]).score,
    ).toBe(0);
  });
  test('finds the strength at which an edit has the effect aimed at, or says that none has', async () => {
    const found = await matchStrength(async (s) => s ** 2, 0.5, 1);
    expect(found.matched).toBe(true);
    expect(found.factor).toBeCloseTo(Math.SQRT1_2, 2);
    expect(await matchStrength(async (s) => 0.1 * s, 0.5, 1)).toEqual({ factor: 1, matched: false });
  });
  test('has each edit at the same effect on its own concept (here held-out pairs are the train pairs)', async () => {
    const concepts = [];
    for (const task of [one, two]) {
      const pairs = pairsOf(task.name, task.train);
      const rows = { ...(await lastStates(network.graph, last, pairs, run)), ...conceptOf(pairs) };
      concepts.push({ task, edit: { changes: [eraserChange(last, leace(rows))] } });
    }
    // Little enough that both edits reach it: at the last cut LEACE takes more from the one than from the other.
    const aim = 0.1;
    const matrix = await effectMatrix(model, network, concepts, { aim, draws: 2, seed: 0, run });
    expect(matrix.concepts).toEqual(['one', 'two']);
    expect(matrix.rows.map((row) => row.matched)).toEqual([true, true]);
    for (const [i, row] of matrix.rows.entries()) {
      expect(row.factor).toBeGreaterThan(0);
      expect(Math.abs(row.behaviour[i]!.value - aim)).toBeLessThan(0.01);
      expect(row.probe[i]).not.toBeNull();
      // LEACE of strength s leaves 1 − s of the difference of means, and so of any probe's separation.
      expect(row.probe[i]!).toBeCloseTo(row.factor, 3);
    }
    const { behaviour, random } = matrix;
    expect(behaviour.interval.low).toBeLessThanOrEqual(behaviour.score);
    expect(behaviour.interval.high).toBeGreaterThanOrEqual(behaviour.score);
    expect(random.rows).toHaveLength(2);
  });
  test.each([0, Math.PI / 8, Math.PI / 4])(
    'of two planted concepts scores cos 2θ for edits at the angle %f to their axes',
    async (angle) => {
      const { network: flat, tasks } = planted(task);
      const directions = [
        [Math.cos(angle), Math.sin(angle), 0, 0],
        [Math.sin(angle), Math.cos(angle), 0, 0],
      ];
      const concepts = tasks.map((task, i) => ({
        task,
        edit: { changes: [change({ kind: 'project', site: 'x', directions: [directions[i]!] })] },
      }));
      const given = { name: 'planted', hash: 'p', graph: flat.graph };
      const aim = 0.25;
      const { rows, behaviour, probe } = await effectMatrix(given, flat, concepts, {
        aim,
        draws: 1,
        seed: 0,
        run,
      });
      expect(rows.every((row) => row.matched)).toBe(true);
      expect(behaviour.on).toBeCloseTo(aim, 1);
      expect(behaviour.score).toBeCloseTo(Math.cos(2 * angle), 4);
      expect(probe!.score).toBeCloseTo(Math.cos(2 * angle), 2);
    },
  );
  test('needs two concepts', async () => {
    const concepts = [{ task: one, edit: { changes: [steer] } }];
    await expect(effectMatrix(model, network, concepts, { draws: 1, seed: 0, run })).rejects.toMatchObject({
      code: 'edit.one-concept',
    });
  });
});

describe('strengthening', () => {
  test('turns up what serves the answer: the margin grows with the gain, and at gain 0 nothing changes', async () => {
    // Held-out pairs are the train pairs: answers of a network at random have nothing in common that could be carried over.
    const learnt = { ...task, heldOut: task.train };
    const result = await strengthen(
      {
        ...{ model, task: learnt, others: [other], dictionaries: setting.dictionaries, features: 4 },
        ...{ gains: [0, 0.5, 1], method: 'midpoint-5', draws: 2, seed: 2, run, threads: 1 },
        text: { train: windows(2), heldOut: windows(2) },
      },
      context,
    );
    expect(result.features).toHaveLength(4);
    for (const { effect } of result.features) expect(effect).toBeLessThan(0);
    const rows = result.rows.filter((row) => row.method === 'features');
    expect(rows[0]!.margin.value).toBe(result.baseline.margin.value);
    expect(rows[0]!.kl.value).toBeCloseTo(0, 6);
    expect(rows[1]!.margin.value).toBeGreaterThan(rows[0]!.margin.value);
    expect(rows[2]!.margin.value).toBeGreaterThan(rows[1]!.margin.value);
    expect(result.chosen.gain).toBe(1);
    for (const row of rows.slice(1)) {
      const chance = result.rows.find((r) => r.method === 'random' && r.gain === row.gain)!;
      expect(chance.deltaX).toBeCloseTo(row.deltaX, 4);
      expect(chance.draws).toBe(2);
      expect(row.beyondRandom!.value).toBeCloseTo(row.margin.value - chance.margin.value, 8);
      expect(row.others.map((o) => o.task)).toEqual(['other']);
    }
  });
});
