/** @file A concept of one's own: the examples measured against known numbers, and every way a module can be wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { activeFeatures } from '../../../src/circuits/feature-state.ts';
import { readPlaces } from '../../../src/circuits/node-effects.ts';
import { random } from '../../../src/core/random.ts';
import { applyConcept } from '../../../src/energy/concept/apply.ts';
import { conceptData } from '../../../src/energy/concept/data.ts';
import { loadConcept, moduleName } from '../../../src/energy/concept/load.ts';
import type { Concept, ConceptData } from '../../../src/energy/concept/types.ts';
import { conceptPicture } from '../../../src/study/energy/draw-results.ts';
import { readStudy } from '../../../src/study/parse.ts';
import { run, tinySetting } from '../../circuits/support/tiny.ts';

const example = (name: string) => fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));

const size = { width: 600, height: 300 };

let folder: string;
let data: ConceptData;
const setting = tinySetting();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'concept-'));
  const about = { task: 'tiny', token: (id: number) => `<${id}>`, random: random(1) };
  data = await conceptData(setting.network, setting.dictionaries, setting.pairs, about, run);
});
afterAll(() => rmSync(folder, { recursive: true }));

let written = 0;
/** A module of these lines in a file of its own. */
function module(text: string): string {
  const path = join(folder, `module-${written++}.mjs`);
  writeFileSync(path, text);
  return path;
}
const observable = (measure: string, more = ''): string =>
  module(
    `export default { kind: 'observable', name: 'x', meaning: 'a number', ${more} measure: ${measure} };`,
  );
const apply = async (path: string) => applyConcept(await loadConcept(path), moduleName(path), data);

describe('what a concept is given', () => {
  test('is what the runs say: states, features, tokens, and the momentum that adds up to the gradient', async () => {
    const { examples, positions } = setting.pairs;
    expect(data).toMatchObject({ task: 'tiny', examples, positions });
    expect(data.cuts.map((c) => c.site)).toEqual(setting.network.cuts);
    expect(data.tokens_BT[0]![0]).toBe('<7>');
    const read = await readPlaces(setting.network, setting.dictionaries, setting.pairs, run);
    expect(Array.from(data.clean_B)).toEqual(Array.from(read.clean.metric_B));
    const [features] = data.dictionaries;
    expect(features!.active(2, 1)).toEqual(activeFeatures(read.places[0]!.clean, 2, 1));
    expect(features!.activePatch(2, 1)).toEqual(activeFeatures(read.places[0]!.patch, 2, 1));
    const cut = data.cuts.find((c) => c.site === features!.site)!;
    let product = 0;
    for (let d = 0; d < 16; d++)
      product += cut.costate_BTD[(2 * positions + 1) * 16 + d]! * features!.W_dec_FD[5 * 16 + d]!;
    expect(features!.momentum(2, 1, 5)).toBeCloseTo(product, 10);
  });
});

describe('the examples', () => {
  test('participation ratio: one coordinate is 1, n alike are n; on a network between 1 and all, one for each cut', async () => {
    const concept = (await loadConcept(example('participation-ratio.ts'))) as Concept & {
      kind: 'observable';
    };
    const cut = (costate: number[], patch: number[]) => ({
      ...{ site: 's', depth: 0, width: 4, costate_BTD: Float32Array.from(costate) },
      clean_BTD: new Float32Array(8),
      patch_BTD: Float32Array.from(patch),
    });
    const by = await concept.measure({
      ...data,
      examples: 2,
      cuts: [
        cut([1, 0, 0, 0, 0, 5, 0, 0], [3, 3, 3, 3, 3, 3, 3, 3]),
        cut([1, 1, 1, 1, -2, 2, 2, -2], [1, 1, 1, 1, 1, 1, 1, 1]),
        cut([3, 1, 0, 0, 3, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1]),
      ],
    });
    expect(by).toEqual([1, 4, 16 / 10]);
    const result = await apply(example('participation-ratio.ts'));
    expect(result).toMatchObject({ module: 'participation-ratio', kind: 'observable', unit: 'coordinates' });
    expect(result.series!.labels).toEqual(setting.network.cuts);
    expect(conceptPicture(result, size)).toContain('over cuts (depth clock)');
    for (const value of result.series!.values) {
      expect(value).toBeGreaterThan(1);
      expect(value).toBeLessThan(4 * 16);
    }
  });

  test('spring: V by hand, and the figures of the sequence clock with it', async () => {
    const concept = (await loadConcept(example('spring-potential.ts'))) as Concept & { kind: 'potential' };
    const path = { site: 's', feature: 1, example: 0, tokens_T: ['a', 'b', 'c'] };
    const q_T = Float64Array.of(0, 3, 0);
    expect(Array.from(await concept.value({ ...path, q_T, p_T: q_T }))).toEqual([0.5, 2, 0.5]);
    const result = await apply(example('spring-potential.ts'));
    expect(result.features!.length).toBeGreaterThan(4);
    for (const { kinetic, potential, energy, drift } of result.features!) {
      expect(energy).toBeCloseTo(kinetic + potential, 12);
      // A spring's potential is never negative, so mass makes the mean of T that of V.
      expect(kinetic).toBeCloseTo(potential, 10);
      expect(drift).toBeGreaterThanOrEqual(0);
    }
    // Another potential, another drift: the textbook one stands beside it.
    expect(result.features!.some((f) => Math.abs(f.drift! - f.textbookDrift!) > 0.01)).toBe(true);
    expect(conceptPicture(result, size)).toContain('(sequence clock)');
  });
});

test('the module that docs/energy.md shows loads and says what it claims', async () => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/energy.md', import.meta.url)), 'utf8');
  const [code] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].flatMap((m) =>
    m[1]!.includes("from 'untangle/concept'") ? [m[1]!] : [],
  );
  const path = join(folder, 'margin.ts');
  writeFileSync(path, code!);
  const { value, unit } = await apply(path);
  expect(unit).toBe('logits');
  const differences = Array.from(data.clean_B, (m, b) => m - data.patch_B[b]!);
  expect(value).toBeCloseTo(differences.reduce((sum, d) => sum + d, 0) / differences.length, 10);
});

test('the example study is valid and names modules that are there', async () => {
  const study = await readStudy(example('concepts.yaml'));
  expect(study.concepts.map(moduleName)).toEqual(['participation-ratio', 'spring-potential']);
  for (const path of study.concepts) expect((await loadConcept(path)).name).not.toBe('');
});

test('a feature that neither moves nor counts has no drift, rather than one of 0, and no dot', async () => {
  const path = module(
    `export default { kind: 'potential', name: 'none', meaning: 'zero', value: ({ q_T }) => q_T.map(() => 0) };`,
  );
  const [dictionary] = data.dictionaries;
  const still = {
    ...data,
    dictionaries: [{ ...dictionary!, active: () => new Map([[3, 1]]), momentum: () => 0 }],
  };
  const result = await applyConcept(await loadConcept(path), 'none', still);
  const { site } = dictionary!;
  expect(result.features).toEqual([{ site, feature: 3, kinetic: 0, potential: 0, energy: 0 }]);
  expect(conceptPicture(result, size)).not.toContain('feature 3');
  // The same feature with a momentum counts, though it stands still: its energy is V, the same at every token.
  const counting = { ...still, dictionaries: [{ ...still.dictionaries[0]!, momentum: () => 1 }] };
  const [found] = (await applyConcept(await loadConcept(path), 'none', counting)).features!;
  expect(found).not.toHaveProperty('drift');
  expect(found!.textbookDrift).toBe(0);
});

test('no step leads into or out of a position that the dictionary does not read', async () => {
  const path = module(
    `export default { kind: 'potential', name: 'v', meaning: 'v', value: ({ q_T }) => q_T.map((q, t) => 3 * q - t) };`,
  );
  const [dictionary] = data.dictionaries;
  const sink = 2;
  const q = (t: number) => (t === sink ? 0 : 1 + t * t);
  const interrupted = {
    ...data,
    positions: 6,
    tokens_BT: data.tokens_BT.map(() => Array.from({ length: 6 }, () => 'x')),
    dictionaries: [
      {
        ...dictionary!,
        reads: (_: number, t: number) => t !== 0 && t !== sink,
        active: (_: number, t: number) => new Map(t === sink ? [] : [[3, q(t)]]),
        momentum: () => 1,
      },
    ],
  };
  const [found] = (await applyConcept(await loadConcept(path), 'v', interrupted)).features!;
  // Paths begin at position 1: of the steps 1 → 2 … 4 → 5 only 3 → 4 and 4 → 5 are left.
  const a = [3, 4].map((t) => (q(t + 1) - q(t)) ** 2 / 2);
  const V = [3, 4].map((t) => 3 * q(t) - (t - 1));
  const mass = (V[0]! + V[1]!) / (a[0]! + a[1]!);
  const E = a.map((own, k) => mass * own + V[k]!);
  expect(found!.energy).toBeCloseTo((E[0]! + E[1]!) / 2, 9);
  expect(found!.drift).toBeCloseTo(Math.abs(E[0]! - E[1]!) / 2 / (V[0]! + V[1]!), 9);
});

describe('a clock', () => {
  const clock = (motion: string) =>
    module(
      `export default { kind: 'clock', name: 'c', meaning: 'a motion', coordinates: ['x', 'y'], motion: () => (${motion}) };`,
    );

  test('of a circle has constant T; with V = ½q² the energy of a harmonic oscillator is conserved', async () => {
    const path = module(`
      const times = Array.from({ length: 50 }, (_, k) => k / 5);
      export default { kind: 'clock', name: 'oscillator', meaning: 'cos and sin', coordinates: ['x'],
        motion: () => ({ times, q_KN: times.map(Math.cos), p_KN: times.map((t) => -Math.sin(t)),
          potential_K: times.map((t) => Math.cos(t) ** 2 / 2) }) };`);
    const { motion } = await apply(path);
    for (const energy of motion!.energy_K) expect(energy).toBeCloseTo(0.5, 12);
    expect(motion!.drift).toBeLessThan(1e-12);
  });

  test('without momenta takes Δq/Δt, mass 1, no potential', async () => {
    const { motion } = await apply(clock('{ times: [0, 1, 2], q_KN: [0, 0, 1, 2, 4, 2] }'));
    expect(motion!.p_KN).toEqual([1, 2, 3, 0, 3, 0]);
    expect(motion!.kinetic_K).toEqual([2.5, 4.5, 4.5]);
    expect(motion!.energy_K).toEqual(motion!.kinetic_K);
    // The same way in half the time: twice the momentum, at the uneven step too.
    const uneven = await apply(clock('{ times: [0, 0.5, 1.5], q_KN: [0, 0, 1, 2, 4, 2] }'));
    expect(uneven.motion!.p_KN).toEqual([2, 4, 3, 0, 3, 0]);
    expect(conceptPicture(uneven, size)).toContain('(a clock of its own)');
  });

  test('that stands still has no drift', async () => {
    const { motion } = await apply(clock('{ times: [0, 1], q_KN: [3, 4, 3, 4] }'));
    expect(motion!.energy_K).toEqual([0, 0]);
    expect(motion).not.toHaveProperty('drift');
  });

  test.each([
    ['{ times: [0], q_KN: [0, 0] }', 'energy.concept-length'],
    ['{ times: [0, 0], q_KN: [0, 0, 1, 1] }', 'energy.concept-number'],
    ['{ times: [0, 1], q_KN: [0, 0, 1] }', 'energy.concept-length'],
    ['{ times: [0, 1], q_KN: [0, 0, 1, 1], p_KN: [1] }', 'energy.concept-length'],
    ['{ times: [0, 1], q_KN: [0, 0, 1, 1], potential_K: [1, Infinity] }', 'energy.concept-number'],
    ['undefined', 'energy.concept-length'],
  ])('that returns %s is refused', async (motion, code) => {
    await expect(apply(clock(motion))).rejects.toMatchObject({ code });
  });
});

describe('a module that is wrong', () => {
  test.each<[string, () => string, string, string]>([
    ['is not there', () => join(folder, 'none.ts'), 'energy.concept-file', 'there is no module'],
    ['is an address', () => 'https://example.org/x.mjs', 'energy.concept-file', 'there is no module'],
    ['is no module', () => example('tiny.yaml'), 'energy.concept-file', 'there is no module'],
    ['does not parse', () => module('export default {'), 'energy.concept-load', 'does not load'],
    ['throws as it loads', () => module("throw new Error('boo')"), 'energy.concept-load', 'boo'],
    ['exports nothing', () => module('export const x = 1'), 'energy.concept-export', 'has no default export'],
    ['exports a number', () => module('export default 3'), 'energy.concept-export', 'exports a number'],
    ['says no kind', () => module("export default { name: 'x' }"), 'energy.concept-export', 'without "kind"'],
    [
      'mistypes its kind',
      () => module("export default { kind: 'observabel' }"),
      'energy.concept-export',
      'did you mean "observable"',
    ],
    [
      'lacks its function',
      () => module("export default { kind: 'potential', name: 'x', meaning: 'y' }"),
      'energy.concept-export',
      'lacks "value"',
    ],
    [
      'lacks a meaning',
      () => module("export default { kind: 'observable', name: 'x' }"),
      'energy.concept-export',
      'lacks',
    ],
    [
      'runs over something unknown',
      () => observable('() => 1', "over: 'heads',"),
      'energy.concept-export',
      '"over"',
    ],
    [
      'throws',
      () => observable("() => { throw new Error('boo') }"),
      'energy.concept-threw',
      'measure() of module',
    ],
    ['throws later', () => observable('async () => { throw 7 }'), 'energy.concept-threw', '7'],
    ['returns NaN', () => observable('() => 0 / 0'), 'energy.concept-number', 'NaN'],
    ['returns text', () => observable("() => 'many'"), 'energy.concept-length', 'a number is expected'],
    ['returns a list for a number', () => observable('() => [1, 2]'), 'energy.concept-length', 'returned 2'],
    [
      'returns too few',
      () => observable('() => [1, 2]', "over: 'depth',"),
      'energy.concept-length',
      '4 numbers (one for each of depth)',
    ],
    [
      'returns a NaN among many',
      () => observable('({ examples }) => Array(examples).fill(NaN)', "over: 'examples',"),
      'energy.concept-number',
      'at place 0',
    ],
    [
      'has a potential of wrong length',
      () => module("export default { kind: 'potential', name: 'x', meaning: 'y', value: () => [1] }"),
      'energy.concept-length',
      'one for each token',
    ],
  ])('%s', async (_, make, code, says) => {
    await expect(apply(make())).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
  });

  test('and one that is right gives its number, over positions and examples too', async () => {
    expect(await apply(observable('({ clean_B }) => clean_B.length'))).toMatchObject({
      value: 7,
      task: 'tiny',
    });
    const over = await apply(
      observable('({ positions }) => new Float64Array(positions)', "over: 'sequence',"),
    );
    expect(over.series).toEqual({ over: 'sequence', labels: data.tokens_BT[0], values: [0, 0, 0, 0] });
    expect((await apply(observable('({ clean_B }) => clean_B', "over: 'examples',"))).series!.values).toEqual(
      Array.from(data.clean_B),
    );
  });
});
