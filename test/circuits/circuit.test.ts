/** @file Finding a circuit end to end on a tiny random network, and the errors that bad input gets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCircuit } from '../../src/circuits/circuit.ts';
import { loadEffects } from '../../src/circuits/effects-file.ts';
import { pairsOf } from '../../src/circuits/examples.ts';
import type { CircuitResult } from '../../src/circuits/types.ts';
import { type ProgressEvent, silent } from '../../src/core/progress.ts';
import { tinySetting } from './support/tiny.ts';

const setting = tinySetting();
let folder: string;
let result: CircuitResult;
const events: ProgressEvent[] = [];
const find = (changes: Partial<Parameters<typeof findCircuit>[0]> = {}) =>
  findCircuit(
    {
      model: setting.model,
      task: setting.task,
      dictionaries: setting.dictionaries,
      folder,
      threads: 1,
      seed: 3,
      options: { sizes: [2, 10, 30, 10_000], maxNodes: 30, edgeExamples: 4, randomDraws: 2 },
      ...changes,
    },
    { progress: (event) => events.push(event) },
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'circuit-'));
  result = await find();
});
afterAll(() => rm(folder, { recursive: true }));

describe('a circuit', () => {
  test('has the nodes of the largest size within the limit, with tokens and the output beside them', () => {
    expect(result.curve[result.chosen]!.nodes).toBe(30);
    const kinds = result.nodes.map((n) => n.kind);
    expect(kinds.filter((k) => k === 'feature' || k === 'error')).toHaveLength(30);
    expect(kinds.filter((k) => k === 'output')).toHaveLength(1);
    // Pairs differ at positions 1 and 2 only.
    expect(result.nodes.filter((n) => n.kind === 'token').map((n) => n.position)).toEqual([1, 2]);
    expect(new Set(result.nodes.map((n) => n.id)).size).toBe(result.nodes.length);
    expect(result.faithfulness).toEqual(result.curve[result.chosen]!.faithfulness);
  });

  test('lists nodes at or above the threshold of its size, and the curve grows', () => {
    const { threshold } = result.curve[result.chosen]!;
    for (const node of result.nodes) {
      if (node.kind === 'feature' || node.kind === 'error') {
        expect(Math.abs(node.effect)).toBeGreaterThanOrEqual(threshold);
      }
    }
    const sizes = result.curve.map((p) => p.nodes);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(sizes.at(-1)).toBeLessThan(10_000);
  });

  test('has edges between its own nodes only, one place at a time, forward in time', () => {
    const nodes = new Map(result.nodes.map((n) => [n.id, n]));
    const next = new Map([
      [0, 2],
      [2, 3],
      [3, 4],
    ]);
    expect(result.edges.length).toBeGreaterThan(30);
    for (const edge of result.edges) {
      const [source, target] = [nodes.get(edge.source)!, nodes.get(edge.target)!];
      expect(next.get(source.cut)).toBe(target.cut);
      expect(source.position).toBeLessThanOrEqual(target.position);
      expect(Number.isFinite(edge.weight)).toBe(true);
    }
  });

  test('is the same again with the same seed, to the bit', async () => {
    expect(await find()).toEqual(result);
  });

  test('leaves all effects on disk, unthresholded: features and errors of each example sum to Δm up to quadrature', async () => {
    const file = await loadEffects(folder);
    expect(file).toMatchObject({ task: 'tiny', rule: 'midpoint-10' });
    expect(file.places.map((c) => c.effects.depth)).toEqual([2, 3]);
    for (const { effects } of file.places) {
      for (const [b, delta] of file.deltaM_B.entries()) {
        expect(-(effects.featureSums_B[b]! + effects.errorSums_B[b]!)).toBeCloseTo(delta, 0);
      }
    }
    const node = result.nodes.find((n) => n.kind === 'feature')!;
    const cut = file.places.find((c) => c.effects.site === node.site)!;
    const at = node.position * 40 + node.feature!;
    expect(cut.effects.features_TF[at]).toBe(node.effect);
    expect(cut.attributionPatching.features_TF[at]).toBe(node.attributionPatching);
    expect(cut.clean_TF[at]).toBe(node.activationClean);
    // Edges of the circuit are among those that were saved.
    const saved = file.edges.flatMap((e) => Array.from(e.weight));
    expect(saved.length).toBeGreaterThan(result.edges.length);
    for (const { weight } of result.edges) expect(saved).toContain(weight);
  });

  test('reports its progress in three parts', () => {
    const started = events.filter((e) => e.type === 'start').map((e) => e.task);
    expect(started.slice(0, 3)).toEqual(['effects', 'faithfulness', 'edges']);
    expect(events.filter((e) => e.type === 'advance').length).toBeGreaterThan(10);
  });

  test('stops when asked to', async () => {
    const stopped = findCircuit(
      { ...setting, folder, threads: 1, seed: 3 },
      { progress: silent, signal: AbortSignal.abort() },
    );
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('what a circuit refuses', () => {
  const [first] = setting.dictionaries as [(typeof setting.dictionaries)[number]];
  const example = setting.task.train[0]!;
  test.each([
    ['no dictionaries', { dictionaries: [] }, 'circuit.no-dictionaries'],
    [
      'a dictionary of another model',
      { dictionaries: [{ ...first, modelHash: 'x' }] },
      'circuit.other-model',
    ],
    [
      'a dictionary where none can sit',
      { dictionaries: [{ ...first, site: 'blocks.0.hook_nothing' }] },
      'circuit.not-a-place',
    ],
    [
      'a dictionary of another width',
      {
        dictionaries: [
          { ...first, width: 8, W_enc_FD: new Float32Array(320), W_dec_FD: new Float32Array(320) },
        ],
      },
      /width/,
    ],
    ['a rule it does not know', { options: { rule: 'simpson-3' } }, 'circuit.unknown-rule'],
  ])('%s', async (_what, changes, code) => {
    await expect(find(changes)).rejects.toMatchObject({
      code: typeof code === 'string' ? code : expect.stringMatching(code),
    });
  });

  test.each([
    ['no examples', [], 'circuit.no-examples'],
    ['unequal length', [example, { ...example, clean: [1, 2] }], 'circuit.unequal-length'],
    ['one answer twice', [{ ...example, wrong: example.answer }], 'circuit.same-answer'],
  ])('%s', (_what, examples, code) => {
    expect(() => pairsOf('tiny', examples)).toThrow(expect.objectContaining({ code }));
  });
});
