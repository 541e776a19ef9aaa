import { describe, expect, test } from 'vitest';
import { type LinearProbe, probeLogit } from '../../src/activations/probe.ts';
import { networkOf } from '../../src/circuits/cuts.ts';
import { random } from '../../src/core/random.ts';
import { erase } from '../../src/edits/erasure/eraser.ts';
import {
  findSubspace,
  type StateLoss,
  type Subspace,
  type SubspacePart,
  subspaceEraser,
} from '../../src/edits/subspace.ts';
import { metricPart } from '../../src/edits/subspace-metric.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { openSession } from '../../src/runtime/session.ts';

const D = 7;
const draw = (seed: number, length: number) => {
  const stream = random(seed);
  return Float64Array.from({ length }, () => stream.normal());
};
const probeOf = (w: readonly number[], b = 0) => ({ w_D: Float64Array.from(w), b, loss: 0 });
const rows = { base_ND: draw(1, 60 * D), source_ND: draw(2, 60 * D) };

/** A behaviour read by a probe, and whose value it should have after the swap. */
interface ProbedBehaviour {
  readonly probe: LinearProbe;
  readonly wanted: 'source' | 'base';
  /** 1 unless given. */
  readonly weight?: number;
}

/**
 * Σ over behaviours of weight · mean KL(what the probe says of the wanted row ‖ what it says after the swap): 0 when swapping moves
 * the behaviours that should come from the source all the way and the others not at all.
 */
function probeLoss(
  behaviours: readonly ProbedBehaviour[],
  { base_ND, source_ND }: Pick<SubspacePart, 'base_ND' | 'source_ND'>,
): StateLoss {
  const D = behaviours[0]?.probe.w_D.length ?? 1;
  const N = base_ND.length / D;
  const wanted = behaviours.map(({ probe, wanted: side }) =>
    Float64Array.from({ length: N }, (_, n) =>
      sigmoid(probeLogit(probe, side === 'source' ? source_ND : base_ND, n)),
    ),
  );
  return (x_ND) => {
    let loss = 0;
    const gradient_ND = new Float64Array(x_ND.length);
    behaviours.forEach(({ probe, weight = 1 }, k) => {
      for (let n = 0; n < N; n++) {
        const logit = probeLogit(probe, x_ND, n);
        const target = wanted[k]![n]!;
        loss += (weight / N) * (crossEntropy(logit, target) - entropy(target));
        const slope = (weight / N) * (sigmoid(logit) - target);
        for (let d = 0; d < D; d++) gradient_ND[n * D + d]! += slope * probe.w_D[d]!;
      }
    });
    return { loss, gradient_ND };
  };
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const crossEntropy = (z: number, target: number): number =>
  Math.max(z, 0) - target * z + Math.log1p(Math.exp(-Math.abs(z)));
const entropy = (p: number): number =>
  (p > 0 ? -p * Math.log(p) : 0) - (p < 1 ? (1 - p) * Math.log1p(-p) : 0);

/** x′ = base + R Rᵀ(source − base) for N rows. */
function swapSubspace(
  { R_DK, width: D, rank: K }: Pick<Subspace, 'R_DK' | 'width' | 'rank'>,
  base_ND: ArrayLike<number>,
  source_ND: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(base_ND, (base, at) => {
    const [from, d] = [at - (at % D), at % D];
    let moved = base;
    for (let k = 0; k < K; k++)
      for (let e = 0; e < D; e++)
        moved += R_DK[d * K + k]! * R_DK[e * K + k]! * (source_ND[from + e]! - base_ND[from + e]!);
    return moved;
  });
}

describe('a subspace found by supervision on rows', () => {
  // What the two probes read is orthogonal: swapping along the first moves it all the way and leaves the second alone.
  const target = probeOf([2, 1, 0, 0, 0, 0, 0], 0.3);
  const other = probeOf([0, 0, 1.5, -1, 0, 0, 0]);
  const behaviours = [
    { probe: target, wanted: 'source' },
    { probe: other, wanted: 'base' },
  ] as const;
  const loss = probeLoss(behaviours, rows);

  test('its loss has the gradient it says', async () => {
    const x = draw(3, rows.base_ND.length);
    const { gradient_ND } = await loss(x);
    for (const i of [0, 1, 2, 3, 40, 41]) {
      const e = 1e-5;
      const [up, down] = [e, -e].map((by) => loss(x.map((v, k) => (k === i ? v + by : v))));
      const slope = ((await up!).loss - (await down!).loss) / (2 * e);
      expect(gradient_ND[i]).toBeCloseTo(slope, 9);
    }
  });
  test('is the planted direction, with nothing left of the loss', async () => {
    const found = await findSubspace([{ ...rows, loss }], { width: D, rank: 1, random: random(4) });
    const along = Math.abs((2 * found.R_DK[0]! + found.R_DK[1]!) / Math.sqrt(5));
    expect(1 - along).toBeLessThan(1e-6);
    expect(found.loss).toBeLessThan(1e-8);
    expect(found.lossBefore).toBeGreaterThan(0.1);
  });
  test('of rank 3 is orthonormal and contains it', async () => {
    const { R_DK: R, loss: left } = await findSubspace([{ ...rows, loss }], {
      width: D,
      rank: 3,
      random: random(5),
    });
    for (let k = 0; k < 3; k++)
      for (let l = 0; l < 3; l++) {
        const product = Array.from({ length: D }, (_, d) => R[d * 3 + k]! * R[d * 3 + l]!);
        expect(product.reduce((a, b) => a + b, 0)).toBeCloseTo(k === l ? 1 : 0, 12);
      }
    expect(left).toBeLessThan(1e-7);
  });
  test('weighs what moves against what stays where the probes overlap', async () => {
    const near = probeOf([1.5, 1, 0.8, -1, 0, 0, 0]);
    const mixed = [
      { probe: target, wanted: 'source' },
      { probe: near, wanted: 'base' },
    ] as const;
    const part = { ...rows, loss: probeLoss(mixed, rows) };
    const naive = Float64Array.from(target.w_D, (w) => w / Math.hypot(...target.w_D));
    const one = { width: D, rank: 1, R_DK: naive };
    const { loss: straight } = await part.loss(swapSubspace(one, rows.base_ND, rows.source_ND));
    const found = await findSubspace([part], { width: D, rank: 1, random: random(6) });
    expect(found.loss).toBeLessThan(0.8 * straight);
    expect(found.slope).toBeLessThan(1e-4);
  });
  test('set to its mean it takes the behaviour out of rows', async () => {
    const found = await findSubspace([{ ...rows, loss }], { width: D, rank: 1, random: random(4) });
    const mean_D = new Float64Array(D);
    const erased = erase(subspaceEraser(found, mean_D), rows.base_ND);
    for (let n = 0; n < 60; n++) {
      const read = (w: Float64Array) => w.reduce((sum, v, d) => sum + v * erased[n * D + d]!, 0);
      const kept = other.w_D.reduce((sum, v, d) => sum + v * rows.base_ND[n * D + d]!, 0);
      expect(read(target.w_D)).toBeCloseTo(0, 3);
      expect(read(other.w_D)).toBeCloseTo(kept, 3);
    }
  });
  test('a rank that does not fit and rows that do not go together are refused', async () => {
    const options = { width: D, random: random(1) };
    await expect(findSubspace([{ ...rows, loss }], { ...options, rank: 8 })).rejects.toMatchObject({
      code: 'edit.subspace',
    });
    const short = { ...rows, source_ND: draw(1, D), loss };
    await expect(findSubspace([short], { ...options, rank: 1 })).rejects.toMatchObject({
      code: 'edit.shape',
    });
  });
});

describe('a subspace found through a network', () => {
  const model = tinyLlama(8, { layers: 2 });
  const network = networkOf(model);
  const stream = random(3);
  const [examples, positions] = [6, 5];
  const ids = () => Int32Array.from({ length: examples * positions }, () => stream.integer(256));
  const pairs = {
    examples,
    positions,
    clean_BT: ids(),
    patch_BT: ids(),
    answer_B: Int32Array.from({ length: examples }, () => stream.integer(128)),
    wrong_B: Int32Array.from({ length: examples }, () => 128 + stream.integer(128)),
  };
  const run = {
    open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 }),
    tokensPerRun: 20,
  };
  test('at the last cut all of the state carries the patch metric, and the gradient is that of the loss', async () => {
    const site = 'blocks.1.hook_resid_post';
    const { part, clean_B, patch_B, metric, release } = await metricPart(network, site, pairs, 'patch', run);
    const [clean, patch] = [await metric(part.base_ND), await metric(part.source_ND)];
    clean.forEach((m, b) => {
      expect(m).toBeCloseTo(clean_B[b]!, 4);
      expect(patch[b]).toBeCloseTo(patch_B[b]!, 4);
    });
    const x = Float64Array.from(part.base_ND);
    const { gradient_ND } = await part.loss(x);
    const e = 1e-2;
    for (const i of [0, 5, 33]) {
      const [up, down] = [e, -e].map((by) => part.loss(x.map((v, k) => (k === i ? v + by : v))));
      expect(gradient_ND[i]).toBeCloseTo(((await up!).loss - (await down!).loss) / (2 * e), 3);
    }
    await release();
  });
  test('a few directions at an earlier cut do better than as many at random, and another task can be kept', async () => {
    const site = 'blocks.0.hook_resid_post';
    const moved = await metricPart(network, site, pairs, 'patch', run);
    const others = { ...pairs, clean_BT: ids(), patch_BT: ids() };
    const kept = await metricPart(network, site, others, 'clean', run);
    const options = { width: 16, rank: 2, random: random(7), iterations: 25, starts: 1 };
    const free = await findSubspace([moved.part], options);
    const chance = await findSubspace([moved.part], { ...options, iterations: 0, random: random(11) });
    expect(free.loss).toBeLessThan(chance.loss);
    expect(free.loss).toBeLessThan(free.lossBefore);
    const both = await findSubspace([moved.part, kept.part], { ...options, random: random(7) });
    const swap = async (found: typeof free) =>
      (await kept.part.loss(swapSubspace(found, kept.part.base_ND, kept.part.source_ND))).loss;
    expect(await swap(both)).toBeLessThan(await swap(free));
    await moved.release();
    await kept.release();
  });
});
