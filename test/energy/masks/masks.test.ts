/** @file Circuits by energy where the truth is known: gradients, energies of the motion, planted nodes found. */
import { beforeAll, describe, expect, test } from 'vitest';
import { meanState } from '../../../src/circuits/feature-state.ts';
import { everActive } from '../../../src/circuits/judge.ts';
import { openPlanted, type PlantedSetting } from '../../../src/circuits/planted/methods.ts';
import { plantedNetworks } from '../../../src/circuits/planted/networks.ts';
import { plantedPairs } from '../../../src/circuits/planted/planted.ts';
import { auroc } from '../../../src/circuits/planted/score.ts';
import { nodeId } from '../../../src/circuits/select.ts';
import { trainEffects } from '../../../src/circuits/train-effects.ts';
import { silent } from '../../../src/core/progress.ts';
import { random } from '../../../src/core/random.ts';
import { movers, rankByMasks } from '../../../src/energy/masks/arms.ts';
import { type MaskLandscape, openMaskLandscape } from '../../../src/energy/masks/landscape.ts';
import { findMaskCircuit, maskCircuit } from '../../../src/energy/masks/mask-circuit.ts';
import { moveMasks } from '../../../src/energy/masks/move.ts';
import type { MaskLoss } from '../../../src/energy/masks/types.ts';
import { conformalLeapfrog } from '../../../src/mechanics/optimisers/conformal-leapfrog.ts';
import { openSession } from '../../../src/runtime/session.ts';
import { tinySetting } from '../../circuits/support/tiny.ts';

const run = {
  open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 }),
  tokensPerRun: 2048,
  threads: 1,
};
const named = (name: string) => plantedNetworks().find((p) => p.name === name)!;

/** The landscape of a planted network over every node that fires. */
async function landscapeOf(
  setting: PlantedSetting,
  loss: MaskLoss,
  tokensPerRun = 2048,
): Promise<MaskLandscape> {
  const { network, places, pairs } = setting;
  const train = await trainEffects(
    network,
    places.map((p) => p.dictionary),
    pairs,
    { method: 'attribution-patching', baseline: 'counterfactual' },
    { task: 'planted', title: 'planted' },
    run,
    { progress: silent },
  );
  const spliced = train.places.map(({ dictionary, patch }) => ({
    dictionary,
    means: meanState(patch, dictionary),
  }));
  const examples = { pairs, first_BTD: train.start_BTD };
  return openMaskLandscape(network, spliced, examples, everActive(train), loss, { ...run, tokensPerRun });
}

describe('the landscape', () => {
  let setting: PlantedSetting;
  beforeAll(() => {
    setting = openPlanted(named('gate'), 12, random(3), run);
  });

  test.each(['metric', 'kl'] as const)('%s: the gradient is that of differences', async (loss) => {
    const landscape = await landscapeOf(setting, loss);
    const stream = random(4);
    const mask_N = Float64Array.from(landscape.nodes, () => 0.3 + 0.5 * stream.uniform());
    const { gradient_N } = await landscape.at(mask_N);
    const strongest = Array.from(gradient_N.keys())
      .sort((a, b) => Math.abs(gradient_N[b]!) - Math.abs(gradient_N[a]!))
      .slice(0, 4);
    for (const i of strongest) {
      const at = async (by: number) =>
        (await landscape.at(mask_N.map((m, j) => (j === i ? m + by : m)))).loss;
      const slope = ((await at(0.01)) - (await at(-0.01))) / 0.02;
      expect(Math.abs(slope)).toBeGreaterThan(1e-3);
      expect(gradient_N[i]! / slope).toBeCloseTo(1, 1);
    }
    await landscape.release();
  });

  test('masks of 1 are the untouched network: minus its metric, no divergence', async () => {
    const [metric, kl] = [await landscapeOf(setting, 'metric'), await landscapeOf(setting, 'kl')];
    const ones = new Float64Array(metric.nodes.length).fill(1);
    const whole = (await metric.at(ones)).loss;
    expect(whole).toBeLessThan(-1);
    expect((await kl.at(ones)).loss).toBeCloseTo(0, 5);
    expect((await kl.at(ones.map(() => 0))).loss).toBeGreaterThan(0.05);
    // Half the examples at a time say the same.
    const parts = await landscapeOf(setting, 'metric', 12);
    expect((await parts.at(ones)).loss).toBeCloseTo(whole, 5);
    for (const one of [metric, kl, parts]) await one.release();
  });

  test('without friction H is conserved, the better the smaller the step; with it H only falls', async () => {
    const landscape = await landscapeOf(setting, 'kl');
    const motion = (step: number, friction: number, steps: number) =>
      moveMasks(landscape, conformalLeapfrog({ step, friction }), { steps, sparsity: 0.01, start: 1 });
    const spread = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
    const [coarse, fine, damped] = [
      await motion(0.8, 0, 20),
      await motion(0.4, 0, 40),
      await motion(0.4, 0.2, 40),
    ];
    const energies = (found: typeof coarse) => found.steps.map((s) => s.energy);
    expect(spread(energies(coarse)) / spread(energies(fine))).toBeGreaterThan(2);
    expect(spread(energies(fine))).toBeLessThan(0.02 * spread(fine.steps.map((s) => s.potential)));
    for (const [k, { kinetic, potential, energy, loss, size }] of damped.steps.entries()) {
      expect(energy).toBeCloseTo(kinetic + potential, 12);
      expect(potential).toBeCloseTo(loss + 0.01 * size, 12);
      if (k > 0) expect(energy).toBeLessThan(damped.steps[k - 1]!.energy + 1e-4);
    }
    await landscape.release();
  });
});

describe('planted circuits', () => {
  /** Final masks of every node that fires, and whether it is planted. */
  async function masksOf(name: string) {
    const setting = openPlanted(named(name), 24, random(6), run);
    const landscape = await landscapeOf(setting, 'kl');
    const found = await rankByMasks(landscape, movers[0]!, { steps: 60, sparsity: 0.01, start: 1 });
    expect(found.gradients).toBe(3 * 61);
    expect(found.tuning).toHaveLength(3);
    await landscape.release();
    const nodes = found.ranked.map((node, i) => ({
      mask: found.masks![i]!,
      wire: setting.planted.wiring.wires[node.feature],
      planted: setting.truth.nodes.has(nodeId(node)),
    }));
    return (but?: string) => {
      const some = nodes.filter((n) => n.wire !== but);
      return auroc(
        some.map((n) => n.mask),
        some.map((n) => n.planted),
      );
    };
  }

  test.each(['gate', 'and-or', 'parity'])('%s: masks by energy find its nodes', async (name) => {
    expect((await masksOf(name))()).toBeGreaterThan(0.9);
  });

  test('two-paths: the way that works against the answer is what masks leave out', async () => {
    const score = await masksOf('two-paths');
    expect(score('minus')).toBeGreaterThan(0.95);
    expect(score()).toBeLessThan(score('minus'));
  });

  test('every arm is judged at equal size on held-out prompts, with the same number of gradients for both movers', async () => {
    const planted = named('two-paths');
    const setting = openPlanted(planted, 24, random(6), run);
    const result = await maskCircuit(
      {
        ...{ network: setting.network, name: 'two-paths', train: setting.pairs },
        dictionaries: setting.places.map((p) => p.dictionary),
        heldOut: plantedPairs(planted, 16, random(99)),
        ...{ seed: 1, threads: 1 },
        options: {
          ...{
            loss: 'kl',
            sizes: [4, 8, 5000],
            target: 8,
            steps: 40,
            rule: 'midpoint-4',
            tokensPerRun: 2048,
          },
          flow: { examples: 4, rule: 'midpoint-4', candidates: 20 },
        },
      },
      { progress: silent },
    );
    expect(result.arms.map((a) => a.name)).toEqual(['energy', 'adam', 'threshold', 'flow', 'random']);
    const [energy, adam, threshold, , chance] = result.arms;
    expect(energy!.gradients).toBe(adam!.gradients);
    expect(energy!.motion).toHaveLength(41);
    expect(threshold!.gradients).toBe(4 * 3);
    // 5000 is more than there are nodes.
    expect(energy!.points.map((p) => p.nodes)).toEqual([4, 8]);
    expect(energy!.points[1]!.faithfulness.value).toBeGreaterThan(0.8);
    expect(chance!.points[1]!.faithfulness.value).toBeLessThan(0.5);
    expect(result.differences).toHaveLength(2 * 4);
    const against = result.differences.find((d) => d.nodes === 8 && d.against === 'random')!;
    expect(against.difference.value).toBeCloseTo(
      energy!.points[1]!.faithfulness.value - chance!.points[1]!.faithfulness.value,
      6,
    );
    expect(result.nodes).toHaveLength(8);
    expect(result.nodes[0]!.mask).toBeGreaterThan(0.5);
  });

  test('a task of a model by name of its parts; sizes beyond all nodes are refused', async () => {
    const { model, task, dictionaries } = tinySetting();
    const input = { model, task, dictionaries, seed: 1, threads: 1 };
    const found = await findMaskCircuit(
      { ...input, options: { sizes: [5], steps: 2, rule: 'midpoint-2', flow: false } },
      { progress: silent },
    );
    expect(found.sites).toEqual(dictionaries.map((d) => d.site));
    expect(found.arms.map((a) => a.name)).toEqual(['energy', 'adam', 'threshold', 'random']);
    await expect(
      findMaskCircuit({ ...input, options: { sizes: [1e6], rule: 'midpoint-1' } }, { progress: silent }),
    ).rejects.toMatchObject({ code: 'energy.no-masks', where: 'tiny' });
  });
});
