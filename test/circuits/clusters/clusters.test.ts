/** @file Clusters: scores with known values, groups that are there are found, chance is not mistaken for structure. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignClusters, clusterContexts, clusterMethods } from '../../../src/circuits/clusters/cluster.ts';
import {
  type Context,
  isInduction,
  plainContexts,
  plantedContexts,
} from '../../../src/circuits/clusters/contexts.ts';
import { nameClusters } from '../../../src/circuits/clusters/names.ts';
import { adjustedRand, jaccard, randEstimate, stability } from '../../../src/circuits/clusters/scores.ts';
import {
  cosines,
  pickRows,
  project,
  sparseRows,
  unitRows,
} from '../../../src/circuits/clusters/sparse-rows.ts';
import {
  angularSimilarity,
  compactPoints,
  kMeans,
  spectralClusters,
} from '../../../src/circuits/clusters/spectral.ts';
import type { ContextVectors } from '../../../src/circuits/clusters/vectors.ts';
import { random } from '../../../src/core/random.ts';
import { builtInTask } from '../../../src/data/tasks.ts';
import { wordTokenizer } from '../../support/word-tokenizer.ts';

describe('the adjusted Rand index', () => {
  test('has the values of textbook cases', () => {
    expect(adjustedRand([0, 0, 1, 1], ['b', 'b', 'a', 'a'])).toBe(1);
    // sklearn.metrics.adjusted_rand_score
    expect(adjustedRand([0, 0, 1, 2], [0, 0, 1, 1])).toBeCloseTo(0.5714285714, 9);
    expect(adjustedRand([0, 0, 0, 0], [0, 1, 2, 3])).toBe(0);
    expect(adjustedRand([0, 0, 1, 1], [0, 1, 0, 1])).toBeCloseTo(-0.5, 9);
  });

  test('does not depend on names or order, and is symmetric', () => {
    const groups = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(groups, (all) => {
        const [a, b] = [all.map(([x]) => x), all.map(([, y]) => y)];
        const value = adjustedRand(a, b);
        expect(value).toBeLessThanOrEqual(1);
        expect(adjustedRand(b, a)).toBeCloseTo(value, 12);
        expect(
          adjustedRand(
            a.map((x) => `g${7 - x}`),
            b,
          ),
        ).toBeCloseTo(value, 12);
        expect(adjustedRand(a.toReversed(), b.toReversed())).toBeCloseTo(value, 12);
      }),
    );
  });

  test('is about 0 for labels that were drawn, whatever the number of clusters', () => {
    const stream = random(3);
    const drawn = (k: number) => Array.from({ length: 600 }, () => stream.integer(k));
    for (const k of [2, 8, 30]) expect(Math.abs(adjustedRand(drawn(k), drawn(8)))).toBeLessThan(0.02);
    const estimate = randEstimate(drawn(8), drawn(8), stream);
    expect(estimate.low).toBeLessThan(estimate.high);
    expect(Math.abs(estimate.value)).toBeLessThan(0.02);
  });
});

describe('stability', () => {
  test('is 1 for clusters that come again, and the Jaccard similarity of what comes in their place', () => {
    expect(jaccard(new Set([1, 2, 3]), new Set([2, 3, 4]))).toBe(0.5);
    const clusters = [0, 0, 0, 0, 1, 1];
    const members = [0, 1, 2, 3, 4, 5];
    expect(stability(clusters, [{ members, clusters: [5, 5, 5, 5, 2, 2] }])).toEqual([1, 1]);
    // Half of the first cluster joins the second.
    expect(stability(clusters, [{ members, clusters: [0, 0, 1, 1, 1, 1] }])).toEqual([0.5, 0.5]);
    // Only the drawn members count.
    expect(stability(clusters, [{ members: [0, 1, 4], clusters: [0, 0, 1] }])).toEqual([1, 1]);
  });
});

describe('sparse rows', () => {
  const rows = fc.array(
    fc.dictionary(fc.nat(19).map(String), fc.integer({ min: -5, max: 5 }), { maxKeys: 6 }),
    { minLength: 1, maxLength: 6 },
  );
  const make = (all: Record<string, number>[]) =>
    sparseRows(
      all.map((row) => new Map(Object.entries(row).map(([c, v]) => [Number(c), v]))),
      20,
    );
  const dense = (row: Record<string, number>) => Array.from({ length: 20 }, (_, c) => row[String(c)] ?? 0);

  test('have the cosines of the same rows written out', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const found = cosines(make(all));
        all.forEach((a, i) => {
          all.forEach((b, j) => {
            const [x, y] = [dense(a), dense(b)];
            const norms = Math.hypot(...x) * Math.hypot(...y);
            const dot = x.reduce((sum, v, c) => sum + v * y[c]!, 0);
            const expected = i === j ? 1 : norms > 0 ? dot / norms : 0;
            expect(found[i * all.length + j]).toBeCloseTo(expected, 12);
          });
        });
      }),
    );
  });

  test('can be picked and scaled to norm 1', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const x = make(all);
        expect(
          pickRows(
            x,
            all.map((_, i) => i),
          ),
        ).toEqual(x);
        const unit = cosines(unitRows(x));
        cosines(x).forEach((c, i) => {
          expect(unit[i]).toBeCloseTo(c, 12);
        });
      }),
    );
  });

  test('projection keeps distances on average, and does not depend on which rows come along', () => {
    const stream = random(1);
    const all = Array.from({ length: 40 }, () =>
      Object.fromEntries(Array.from({ length: 10 }, () => [stream.integer(20), stream.normal()])),
    );
    const x = make(all);
    const projected = project(x, 400, random(5));
    let ratio = 0;
    for (let i = 0; i < 40; i += 2) {
      const far = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((v, c) => v - b[c]!));
      ratio += far(projected[i]!, projected[i + 1]!) / far(dense(all[i]!), dense(all[i + 1]!)) / 20;
    }
    expect(ratio).toBeGreaterThan(0.9);
    expect(ratio).toBeLessThan(1.1);
    expect(project(pickRows(x, [7]), 400, random(5))[0]).toEqual(projected[7]);
  });
});

/** Groups of contexts: each has five features of its own among noise of 200. */
function grouped(groups: number, each: number, seed: number): { vectors: ContextVectors; truth: number[] } {
  const stream = random(seed);
  const truth = Array.from({ length: groups * each }, (_, i) => i % groups);
  const rows = truth.map((group) => {
    const noise = Array.from({ length: 8 }, () => [stream.integer(200), 0.3 * stream.normal()] as const);
    const own = Array.from(
      { length: 5 },
      (_, j) => [200 + 5 * group + j, -(1 + 0.2 * stream.normal())] as const,
    );
    return new Map([...noise, ...own]);
  });
  const width = 200 + 5 * groups;
  const effects = sparseRows(rows, width);
  const dense = rows.map((row) => Array.from({ length: width }, (_, c) => row.get(c) ?? 0));
  const sites = ['early', 'late'];
  return { vectors: { sites, offsets: [0, 200, width], effects, activations: effects, dense }, truth };
}

describe('clustering', () => {
  const { vectors, truth } = grouped(4, 30, 2);

  test.each(clusterMethods)('%s finds four groups that are there', (method) => {
    expect(adjustedRand(assignClusters(vectors, method, 4, random(0)), truth)).toBeGreaterThan(0.95);
  });

  test.each(clusterMethods)('%s depends on the seed alone', (method) => {
    const run = () => assignClusters(vectors, method, 3, random(9));
    expect(run()).toEqual(run());
  });

  test('angles: along is 1, across ½, against 0', () => {
    const similarity = angularSimilarity(Float64Array.of(1, 0, -1, 1.0000001));
    [1, 0.5, 0, 1].forEach((value, i) => {
      expect(similarity[i]).toBeCloseTo(value, 12);
    });
  });

  test('spectral clustering separates blocks of a similarity', () => {
    const block = (i: number) => (i < 5 ? 0 : i < 12 ? 1 : 2);
    const n = 20;
    const similarity = Float64Array.from({ length: n * n }, (_, at) =>
      block(Math.floor(at / n)) === block(at % n) ? 1 : 0.05,
    );
    const found = spectralClusters(similarity, n, 3, random(0));
    expect(
      adjustedRand(
        found,
        Array.from({ length: n }, (_, i) => block(i)),
      ),
    ).toBe(1);
  });

  test('fewer coordinates keep distances', () => {
    const stream = random(6);
    const points = Array.from({ length: 5 }, () => Array.from({ length: 40 }, () => stream.normal()));
    const few = compactPoints(points);
    const far = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((v, c) => v - b[c]!));
    for (const [i, j] of [
      [0, 1],
      [2, 4],
    ] as const) {
      expect(few[i]).toHaveLength(5);
      expect(far(few[i]!, few[j]!)).toBeCloseTo(far(points[i]!, points[j]!), 8);
    }
    expect(compactPoints([[1], [2]])).toEqual([[1], [2]]);
  });

  test('one cluster is one cluster, and more clusters than points are no error', () => {
    expect(kMeans([[0], [1]], 1, random(0))).toEqual([0, 0]);
    expect(new Set(kMeans([[0], [1]], 5, random(0))).size).toBe(2);
  });

  test('says of each cluster its size, its stability, its features and their share', () => {
    const contexts: Context[] = truth.map((group) => ({ tokens: [1, 2, 50 + group], answer: 90 + group }));
    const result = clusterContexts(
      contexts,
      vectors,
      { method: 'spectral-effects', k: 4, resamples: 5, features: 5 },
      (token) => `t${token}`,
      random(0),
    );
    expect(result.clusters.map((c) => c.members.length)).toEqual([30, 30, 30, 30]);
    for (const [c, cluster] of result.clusters.entries()) {
      const group = truth[cluster.members[0]!]!;
      expect(cluster.stability).toBeGreaterThan(0.9);
      expect(cluster.name.answers).toEqual([`t${90 + group}`]);
      expect(cluster.name.text).toBe(`→ "t${90 + group}" after "t${50 + group}"`);
      expect(new Set(cluster.features.map((f) => `${f.site}/${f.feature}`))).toEqual(
        new Set(Array.from({ length: 5 }, (_, j) => `late/${5 * group + j}`)),
      );
      for (const f of cluster.features) {
        expect(f.effect).toBeCloseTo(-1, 0);
        expect(Math.abs(f.elsewhere)).toBeLessThan(0.1);
      }
      expect(cluster.share).toBeGreaterThan(0.7);
      expect(cluster.share).toBeLessThan(1);
      expect(result.assigned.every((a, i) => (a === c) === cluster.members.includes(i))).toBe(true);
    }
  });

  test('groups of pure noise are not stable', () => {
    const { vectors: noise } = grouped(1, 60, 4);
    const contexts = Array.from({ length: 60 }, (_, i) => ({ tokens: [i], answer: i }));
    const { clusters } = clusterContexts(
      contexts,
      { ...noise, effects: pickColumnsBelow(noise, 200) },
      { method: 'spectral-effects', k: 6, resamples: 6, features: 3 },
      String,
      random(0),
    );
    const mean = clusters.reduce((sum, c) => sum + c.stability * c.members.length, 0) / 60;
    expect(mean).toBeLessThan(0.6);
  });
});

/** The noise alone. */
function pickColumnsBelow({ effects }: ContextVectors, most: number) {
  const rows = Array.from({ length: effects.rows }, (_, r) => {
    const row = new Map<number, number>();
    for (let j = effects.start[r]!; j < effects.start[r + 1]!; j++)
      if (effects.columns[j]! < most) row.set(effects.columns[j]!, effects.values[j]!);
    return row;
  });
  return sparseRows(rows, effects.width);
}

describe('names', () => {
  test('words that stand everywhere name nothing', () => {
    const contexts = [0, 1].flatMap((group) =>
      Array.from({ length: 10 }, (_, i) => ({ tokens: [7, i, 20 + group], answer: 30 + group })),
    );
    const clusters = contexts.map((_, i) => Math.floor(i / 10));
    const [first] = nameClusters(contexts, clusters, (token) => `t${token}`);
    expect(first!.answers).toEqual(['t30']);
    expect(first!.words[0]).toBe('t20');
    expect(first!.words).not.toContain('t7');
  });
});

describe('contexts', () => {
  const window = { tokens: Int32Array.from({ length: 40 }, (_, i) => i % 23) };

  test('a pair of tokens that stood before is induction', () => {
    expect(isInduction([1, 2, 3, 1], 2)).toBe(true);
    expect(isInduction([1, 2, 3, 1], 3)).toBe(false);
    expect(isInduction([2, 1], 2)).toBe(false);
  });

  test('plain contexts are equally long, without induction, and only where the model is sure', () => {
    const nats = [Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 0.05 : 2))];
    const found = plainContexts([window], { length: 6, count: 100 }, random(0), { nats, below: 0.3 });
    for (const { tokens, answer } of found) {
      expect(tokens).toHaveLength(6);
      expect(isInduction(tokens, answer)).toBe(false);
    }
    // Windows end at tokens 6, 8, …; a sequence that counts up has no induction within 6 tokens.
    expect(found).toHaveLength(17);
    expect(new Set(found.map((c) => c.answer % 2)).size).toBe(2);
    expect(() => plainContexts([window], { length: 6, count: 3 }, random(0), { nats, below: 0.01 })).toThrow(
      expect.objectContaining({ code: 'circuit.no-contexts' }),
    );
  });

  test('planted contexts end with the prompt, begin with plain text and are equally long', () => {
    const tokenizer = wordTokenizer();
    const task = builtInTask('agreement').make(tokenizer, { train: 10, heldOut: 5, seed: 0 });
    const found = plantedContexts(
      [{ name: 'agreement', examples: task.train }],
      tokenizer,
      [window],
      20,
      random(1),
    );
    expect(found).toHaveLength(10);
    found.forEach(({ tokens, answer, planted }, i) => {
      expect(tokens).toHaveLength(20);
      expect(planted).toBe('agreement');
      expect(answer).toBe(task.train[i]!.answer);
      expect(tokenizer.decode(tokens)).toContain(`\n${task.train[i]!.cleanText}`);
    });
    expect(() =>
      plantedContexts([{ name: 'agreement', examples: task.train }], tokenizer, [window], 4, random(1)),
    ).toThrow(expect.objectContaining({ code: 'circuit.no-contexts', where: 'agreement' }));
  });
});
