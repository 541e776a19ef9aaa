/** @file Effects, ablations and edges on a tiny random Llama, against plain computations of the same thing. */
import { beforeAll, describe, expect, test } from 'vitest';
import { quadrature } from '../../src/autodiff/quadrature.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { openAblation } from '../../src/circuits/ablation.ts';
import { movesOf, placeEffects } from '../../src/circuits/effects.ts';
import { encodeState } from '../../src/circuits/encode-state.ts';
import { answerFeeds, range, tokenFeed } from '../../src/circuits/examples.ts';
import { activeFeatures, type FeatureState, meanState } from '../../src/circuits/feature-state.ts';
import { type ForwardResult, forwardPairs, tokenStates } from '../../src/circuits/forward.ts';
import { lineCostates } from '../../src/circuits/line.ts';
import { METRIC, metricGraph } from '../../src/circuits/metric.ts';
import { ERROR, type NodeRef } from '../../src/circuits/select.ts';
import { tensor } from '../../src/core/tensor.ts';
import { feedAt } from '../../src/graph/interventions.ts';
import { plainEncode } from './support/dictionaries.ts';
import { largestDifference, run, type TinySetting, tinySetting } from './support/tiny.ts';

let setting: TinySetting;
let sites: string[];
let clean: ForwardResult;
let patch: ForwardResult;
const shape = { examples: 7, positions: 4, width: 16 };
const states = { clean: [] as FeatureState[], patch: [] as FeatureState[] };

beforeAll(async () => {
  setting = tinySetting();
  sites = setting.dictionaries.map((d) => d.site);
  const { network, pairs } = setting;
  ({ clean, patch } = await forwardPairs(network, pairs, network.cuts, run));
  for (const d of setting.dictionaries) {
    states.clean.push(await encodeState(d, clean.states[d.site]!, shape, 1));
    states.patch.push(await encodeState(d, patch.states[d.site]!, shape, 1));
  }
});

/** λ at the clean run, by site: attribution patching's. */
async function costatesAtClean(): Promise<Record<string, Float32Array>> {
  const { network, pairs } = setting;
  const graph = vjp(metricGraph(network), { of: METRIC, wrt: sites });
  const session = await run.open(graph);
  const out = await session.run({
    tokens: tokenFeed(pairs.clean_BT, 4, 0, 7),
    ...answerFeeds(pairs, range(0, 7)),
  });
  await session.release();
  return Object.fromEntries(sites.map((site) => [site, out[`grad:${site}`]!.data as Float32Array]));
}

/** The metric of examples when the run starts from `x_BTD` at `site`. */
async function metricFrom(site: string, x_BTD: Float32Array): Promise<Float32Array> {
  const session = await run.open(feedAt(metricGraph(setting.network), [site]));
  const x = tensor('float32', [7, 4, 16], Float32Array.from(x_BTD));
  const out = await session.run({ [site]: x, ...answerFeeds(setting.pairs, range(0, 7)) });
  await session.release();
  return out[METRIC]!.data as Float32Array;
}

describe('the metric', () => {
  test('is logit(answer) − logit(wrong) of the untouched network at the last position', async () => {
    const { model, pairs } = setting;
    const session = await run.open(model.graph);
    const { logits } = await session.run({ tokens: tokenFeed(pairs.clean_BT, 4, 0, 7) });
    await session.release();
    const at = (b: number, id: number) => (logits!.data as Float32Array)[(b * 4 + 3) * 256 + id]!;
    const plain = range(0, 7).map((b) => at(b, pairs.answer_B[b]!) - at(b, pairs.wrong_B[b]!));
    expect(largestDifference(clean.metric_B, plain)).toBeLessThan(1e-5);
  });

  test('can be run from every cut', async () => {
    for (const cut of setting.network.cuts) {
      expect(largestDifference(await metricFrom(cut, clean.states[cut]!), clean.metric_B)).toBeLessThan(1e-5);
    }
  });
});

describe('states and costates', () => {
  test('token runs give the states of the metric runs', async () => {
    const prompts = [{ ids_BT: setting.pairs.patch_BT, positions: 4 }];
    const [plain] = await tokenStates(setting.network, prompts, sites, run);
    for (const site of sites)
      expect(largestDifference(plain![site]!, patch.states[site]!)).toBeLessThan(1e-5);
  });

  test('codes are the k largest by definition, and nothing at the first position', () => {
    for (const [i, d] of setting.dictionaries.entries()) {
      const plain = plainEncode(d, clean.states[d.site]!);
      for (let row = 0; row < 28; row++) {
        const active = activeFeatures(states.clean[i]!, Math.floor(row / 4), row % 4);
        const expected = new Map<number, number>();
        for (let j = row * 6; j < row * 6 + 6; j++) {
          if (plain.values_BK[j]! > 0) expected.set(plain.indices_BK[j]!, plain.values_BK[j]!);
        }
        expect([...active.keys()].sort()).toEqual(row % 4 === 0 ? [] : [...expected.keys()].sort());
        for (const [f, value] of active) expect(value).toBeCloseTo(expected.get(f)!, 4);
      }
    }
  });

  test('attribution patching’s costate is the gradient: along a small step the metric moves as it says', async () => {
    const site = sites[0]!;
    const gradients = await costatesAtClean();
    const step = clean.states[site]!.map((_, i) => 1e-2 * Math.sin(3 * i));
    const forward = await metricFrom(
      site,
      clean.states[site]!.map((x, i) => x + step[i]!),
    );
    const backward = await metricFrom(
      site,
      clean.states[site]!.map((x, i) => x - step[i]!),
    );
    for (let b = 0; b < 7; b++) {
      let expected = 0;
      for (let i = b * 64; i < (b + 1) * 64; i++) expected += gradients[site]![i]! * step[i]!;
      expect((forward[b]! - backward[b]!) / 2).toBeCloseTo(expected, 3);
    }
  });

  test('with many midpoints, features and errors add up to m(patch) − m(clean) at every cut', async () => {
    const { network, pairs, dictionaries } = setting;
    for (const [i, d] of dictionaries.entries()) {
      const [line] = await lineCostates(
        network,
        d.site,
        pairs,
        clean.states[d.site]!,
        patch.states[d.site]!,
        [quadrature('midpoint-100')],
        run,
      );
      const moves = movesOf(states.clean[i]!, states.patch[i]!);
      const e = placeEffects({ site: d.site, depth: i, ...shape }, d, moves, line!, new Float64Array(7));
      for (let b = 0; b < 7; b++) {
        const change = patch.metric_B[b]! - clean.metric_B[b]!;
        expect(e.featureSums_B[b]! + e.errorSums_B[b]!).toBeCloseTo(change, 2);
      }
    }
  });

  test('rules run together give what they give alone', async () => {
    const { network, pairs } = setting;
    const site = sites[1]!;
    const rules = ['left-4', 'attribution-patching', 'midpoint-2'].map(quadrature);
    const line = (which: typeof rules) =>
      lineCostates(network, site, pairs, clean.states[site]!, patch.states[site]!, which, run);
    const together = await line(rules);
    for (const [k, rule] of rules.entries()) {
      const [alone] = await line([rule]);
      expect(largestDifference(together[k]!, alone!)).toBeLessThan(1e-5);
    }
    const atClean = await costatesAtClean();
    expect(largestDifference(together[1]!, atClean[site]!)).toBeLessThan(1e-4);
  });
});

describe('circuits run alone', () => {
  const open = async () => {
    const { network, dictionaries, pairs } = setting;
    const spliced = dictionaries.map((dictionary, i) => ({
      dictionary,
      means: meanState(states.patch[i]!, dictionary),
    }));
    const ablation = await openAblation(network, spliced, run);
    const examples = { pairs, first_BTD: clean.states[sites[0]!]!, patch: states.patch };
    return { ...ablation.on(examples), release: ablation.release };
  };
  const everything = (): NodeRef[] =>
    sites.flatMap((site) =>
      [0, 1, 2, 3].flatMap((position) => range(-1, 40).map((feature) => ({ site, position, feature }))),
    );

  test('with every node kept the network computes what it did', async () => {
    const ablation = await open();
    expect(largestDifference(await ablation.metric(everything()), clean.metric_B)).toBeLessThan(1e-5);
    expect(largestDifference(await ablation.metric([], { inverse: true }), clean.metric_B)).toBeLessThan(
      1e-5,
    );
    expect(largestDifference(await ablation.metric([], { free: sites }), clean.metric_B)).toBeLessThan(1e-5);
    await ablation.release();
  });

  test('with nothing kept the last cut is the mean patched state', async () => {
    const ablation = await open();
    const x = patch.states[sites[1]!]!;
    const mean = x.map((_, i) => range(0, 7).reduce((sum, b) => sum + x[b * 64 + (i % 64)]! / 7, 0));
    expect(largestDifference(await ablation.metric([]), await metricFrom(sites[1]!, mean))).toBeLessThan(
      1e-4,
    );
    await ablation.release();
  });

  test('with nothing kept and the patched run’s values in its place, the network computes what the patched run did', async () => {
    const ablation = await open();
    const metric = await ablation.metric([], { fill: 'patch' });
    expect(largestDifference(metric, patch.metric_B)).toBeLessThan(1e-4);
    await ablation.release();
  });

  test('a circuit at one cut is the state with all other features and errors at their means', async () => {
    const ablation = await open();
    const d = setting.dictionaries[1]!;
    const means = meanState(states.patch[1]!, d);
    const [code] = [...activeFeatures(states.clean[1]!, 0, 2).keys()];
    const kept: NodeRef[] = [
      { site: sites[1]!, position: 2, feature: code! },
      { site: sites[1]!, position: 3, feature: ERROR },
    ];
    const x = Float32Array.from({ length: 7 * 64 }, (_, i) => means.rest_TD[i % 64]!);
    const add = (b: number, t: number, feature: number, value: number) => {
      for (let j = 0; j < 16; j++) x[(b * 4 + t) * 16 + j]! += value * d.W_dec_FD[feature * 16 + j]!;
    };
    for (let b = 0; b < 7; b++) {
      for (let t = 0; t < 4; t++) {
        const active = activeFeatures(states.clean[1]!, b, t);
        for (let f = 0; f < 40; f++) {
          const own = t === 2 && f === code;
          add(b, t, f, own ? (active.get(f) ?? 0) : means.features_TF[t * 40 + f]!);
        }
        if (t !== 3) continue;
        // Its error node keeps its own rest: x − Σ f d.
        for (let j = 0; j < 16; j++) {
          const at = (b * 4 + t) * 16 + j;
          x[at]! += clean.states[d.site]![at]! - means.rest_TD[t * 16 + j]!;
        }
        for (const [f, value] of active) add(b, t, f, -value);
      }
    }
    const alone = await ablation.metric(kept, { free: [sites[0]!] });
    expect(largestDifference(alone, await metricFrom(d.site, x))).toBeLessThan(1e-4);
    await ablation.release();
  });
});
