/** @file INVENTED results of commands for developing and testing the Studio. No number here was measured; it never ships. */
import { random } from '../../src/core/random.ts';
import type { OtherTasks } from '../../src/edits/bias/problem.ts';
import type { BiasMethod, BiasResult, BiasRow } from '../../src/edits/bias/types.ts';
import type { TaskCollateral } from '../../src/edits/collateral/types.ts';
import type { ImportanceResult, MeasureName } from '../../src/energy/importance/types.ts';
import type { MaskCircuitResult } from '../../src/energy/masks/types.ts';
import type { SavedSource } from '../../src/studio/saved.ts';
import type { EnsembleReport, LearningReport } from '../../src/study/energy/types.ts';

const estimate = (value: number, half = 0.03) => ({ value, low: value - half, high: value + half, n: 10 });

const methods: [BiasMethod, string, number, number][] = [
  ['original', 'nothing', 0, 0.52],
  ['random-size', 'random features, equal ‖Δx‖', 0.1, 0.53],
  ['leace', 'LEACE', 0.95, 0.74],
  ['shift', 'SHIFT by rule', 0.7, 0.72],
  ['straight', 'straight line', 0.72, 0.73],
  ['least-action', 'least action', 0.8, 0.76],
  ['oracle', 'oracle', 0.9, 0.85],
];

function row([method, title, gone, worst]: (typeof methods)[number]): BiasRow {
  const figures = {
    fieldAccuracy: estimate(0.62 + 0.2 * gone),
    genderAccuracy: estimate(0.88 - 0.36 * gone),
    worstGroup: estimate(worst),
    tprGap: estimate(0.4 * (1 - gone)),
    ece: estimate(0.08),
    brier: estimate(0.16),
  };
  const leakage = {
    linear: estimate(0.96 - 0.4 * gone),
    mlp: estimate(0.97 - 0.3 * gone),
    knn: estimate(0.9 - 0.2 * gone),
  };
  const strengths = method === 'original' || method === 'oracle' ? [] : [0, 0.25, 0.5, 0.75, 1];
  return {
    ...{ method, title, figures, leakage, natural: figures, swapped: figures },
    ...{ sees: 'confounded rows only', skyline: method === 'oracle', dictionaries: 3, changed: 24 * gone },
    ...{ strengthUnit: 'of the way', kl: estimate(0.01 * gone, 0.002), perplexity: 28, deltaX: 2 * gone },
    curve: strengths.map((s) => ({
      ...{ strength: s, fieldAccuracy: figures.fieldAccuracy, genderAccuracy: figures.genderAccuracy },
      worstGroup: estimate(0.52 + (worst - 0.52) * Math.sin((s * Math.PI) / 2)),
      leakage: estimate(0.96 - 0.4 * gone * s),
      ...{ kl: estimate(0.01 * gone * s * s + 1e-4, 1e-4), deltaX: 2 * gone * s },
    })),
    ...{ runs: [], seconds: 3, otherTasks: otherTasks(gone) },
  };
}

function otherTasks(gone: number): OtherTasks {
  const task = (name: string, target: boolean, removed: number): TaskCollateral => ({
    ...{ task: name, title: name, target, examples: 24 },
    accuracy: { before: estimate(1, 0), after: estimate(1 - removed / 2), change: estimate(-removed / 2) },
    effect: { before: estimate(4), after: estimate(4 * (1 - removed)), removed: estimate(removed, 0.02) },
    random: { accuracyChange: estimate(0, 0), removed: estimate(0.01, 0.005), beyond: estimate(0.1) },
  });
  return {
    tasks: [task('agreement', false, 0.06 * gone), task('pronoun', true, 0.6 * gone)],
    moved: estimate(0.06 * gone, 0.01),
    random: estimate(0.01 * gone, 0.002),
  };
}

const words = 'She was a painter and sculptor who taught at the academy and won two prizes'.split(' ');

/** A bias study. */
export function inventedBias(): BiasResult {
  const stream = random(31);
  const times = Array.from({ length: 21 }, (_, k) => k / 20);
  const features = [12, 40, 77, 130, 512];
  return {
    ...{ format: 'untangle-bias', version: 1, name: 'biographies' },
    outcome: { name: 'field', values: ['science', 'arts'] },
    protected: { name: 'gender', values: ['men', 'women'] },
    model: { name: 'smollm2-135m', hash: 'abc' },
    site: 'blocks.11.hook_resid_post',
    dictionaries: [{ name: 'seed 0', seed: 0, features: 2304, hash: 'def', fve: 0.8 }],
    counts: [
      { set: 'train', outcome: 'science', protected: 'men', natural: 129, swapped: 0 },
      { set: 'test', outcome: 'arts', protected: 'women', natural: 20, swapped: 85 },
    ],
    seeds: { probes: 10, dictionaries: 1, resamples: 1000 },
    rows: methods.map(row),
    left: [{ method: 'token-deletion', why: 'the invented study has no words' }],
    verdicts: [
      {
        ...{ claim: 'least action ends better than the straight line', quantity: 'worst group' },
        ...{
          difference: estimate(0.03, 0.02),
          margin: 0.01,
          outcome: 'supported',
          units: 'people and seeds',
        },
      },
    ],
    paths: (['straight', 'least-action'] as const).map((method) => ({
      ...{ method, title: method.replace('-', ' '), features, pinned: features.slice(0, 3) },
      times_K: times,
      alpha_KN: times.map((s) => features.map((_, i) => (i < 3 ? 1 - s : 1 + 0.1 * i * s * s))),
      T_K: times.map(() => 0.4),
      V_K: times.map((s) => 0.3 - 0.2 * s),
      H_c_K: times.map((s) => (method === 'straight' ? 0.1 + 0.2 * s : 0.1)),
      ...{ steppedKl: 0.02, freeEndMomentum: 1e-9 },
    })),
    candidates: Array.from({ length: 30 }, (_, i) => ({
      ...{ feature: 12 + 31 * i, genderEffect: 0.4 * 0.85 ** i, fieldEffect: 0.1 * stream.uniform() },
      chosen: i < 6,
      label: ' she',
      examples: [
        {
          tokens: words.map((word) => ` ${word}`),
          activations: words.map((_, t) => (t === i % words.length ? 4 : 0)),
        },
      ],
    })),
    nulls: {
      fieldAccuracy: estimate(0.5),
      leakage: { linear: estimate(0.5), mlp: estimate(0.5), knn: estimate(0.5) },
    },
    published: [],
    otherTasks: { draws: 2, left: [{ task: 'capitals', why: 'the invented network knows none' }] },
    ...{ attribution: 'Text of Wikipedia, CC BY-SA 4.0.', seconds: 300, command: 'untangle study bias' },
  };
}

const site = 'blocks.11.hook_resid_post';

function inventedImportance(): ImportanceResult {
  const names: MeasureName[] = [
    'drift',
    'mean-potential',
    'learning-work',
    'integrated-gradients',
    'gradient-activation',
    'chance',
  ];
  const scores = names.map((name, i) => ({
    name,
    score: estimate(0.2 + 0.15 * i * Number(name !== 'chance'), 0.1),
    nulls: ['untrained', 'shuffled-layers'].map((other) => ({ name: other, score: estimate(0.1, 0.12) })),
  }));
  const metric = 'next-token loss';
  const times = [0, 1, 2, 3];
  const training = {
    ...{ name: 'adam', potentialOf: 'evaluation batch' as const, kineticOf: 'displacement' as const, times },
    ...{ kinetic: [8, 4, 2, 1], potential: [60, 40, 34, 32], energy: [68, 44, 36, 33] },
    ...{ parameters: 9000, features: 64, steps: 3, rows: 2048, batch: 128, evaluationRows: 256, mass: 0.1 },
    ...{ change: -28, shared: -0.7, completeness: 3e-5, fve: 0.8, l0: 12 },
  };
  const run = {
    ...{ network: 'trained', site, metric, examples: 8, positions: 24, features: 40, eligible: 60, k: 4 },
    ...{ scores: [], rows: [], training, seconds: 30 },
  };
  return { runs: [run], comparisons: [{ site, metric, scores }] };
}

function inventedMasks(): MaskCircuitResult {
  const point = (nodes: number, lift: number) => ({
    ...{ nodes, errorNodes: 1, completeness: estimate(0.2) },
    ...{ faithfulness: estimate(lift * (1 - Math.exp(-nodes / 40))), train: estimate(lift) },
  });
  const arm = (name: string, lift: number) => ({
    ...{ name, meaning: name, gradients: 60, seconds: 9 },
    points: [10, 20, 50, 100].map((nodes) => point(nodes, lift)),
  });
  const motion = Array.from({ length: 20 }, (_, step) => {
    const [kinetic, potential] = [0.4 * Math.exp(-step / 6), 1 - 0.6 * (1 - Math.exp(-step / 5))];
    return { step, kinetic, potential, energy: kinetic + potential, loss: potential, size: 300 - 9 * step };
  });
  return {
    ...{ task: 'agreement', sites: [site], loss: 'metric', sparsity: 0.001, candidates: 640 },
    ...{ examples: 24, heldOutExamples: 24, nodes: [] },
    arms: [{ ...arm('energy', 0.95), motion }, arm('adam', 0.93), arm('threshold', 0.9), arm('random', 0.2)],
    differences: [{ nodes: 50, against: 'adam', difference: estimate(0.01, 0.02) }],
  };
}

function inventedLearning(): LearningReport {
  const times = Array.from({ length: 60 }, (_, k) => k * 0.2);
  const kinetic = times.map((t) => 0.2 * Math.sin(t) ** 2);
  const potential = times.map((t) => 0.2 * Math.cos(t) ** 2);
  return {
    ...{ clock: 'learning', system: 'toy', name: 'five features in two neurons', parameters: 15, seed: 0 },
    runs: ['leapfrog', 'Adam'].map((name) => ({
      ...{
        name,
        potentialOf: 'full batch' as const,
        kineticOf: 'momentum' as never,
        times,
        kinetic,
        potential,
      },
      energy: times.map(() => 0.2),
    })),
    charges: [
      {
        ...{ name: 'turning all directions', kind: 'rotation', conserved: true, symmetryDefect: 1e-16 },
        ...{ times, charge: times.map(() => 0.3), predicted: times.map(() => 0.3) },
        ...{ defect: 1e-13, energyError: 1e-4 },
      },
    ],
    broken: [],
    separation: {
      ...{ cosine: 0.95, pair: [0, 1] as const, floor: 0.1, barrier: 0.3, ways: 4, converged: true },
      ...{ path: [0.1, 0.2, 0.3, 0.25], saddleToDigons: 0.12 },
      runs: [0.5, 2].map((height) => ({
        ...{ height, energy: 0.1 + 0.2 * height, margin: 0.2 - 0.2 * height, energyError: 1e-5, steps: 100 },
        ...{ marginHolds: height < 1, largestCosine: height < 1 ? 0.5 : 0.97, merged: height > 1 },
      })),
    },
    seconds: 20,
  };
}

function inventedEnsemble(): EnsembleReport {
  const temperatures = [0.01, 0.03, 0.1, 0.3, 1, 3];
  return {
    ...{ model: 'smollm2-135m', site, task: 'agreement', title: 'Subject–verb agreement', examples: 8 },
    ...{ text: 'invented', seconds: 30 },
    masks: (['features', 'without interaction', 'untrained network'] as const).map((name, i) => ({
      ...{ name, features: [1, 2, 3], all: -2, none: -0.5, lowest: -2.1 },
      thermal: temperatures.map((temperature) => ({
        ...{ beta: 1 / temperature, temperature, freeEnergy: -2, energy: -1.8, entropy: 1 },
        ...{ specificHeat: 0.3 / (1 + i) / (1 + Math.log(temperature / 0.2) ** 2), kept_N: [1, 1, 0.5] },
      })),
      peak: { temperature: 0.2, specificHeat: 0.3 / (1 + i) },
    })),
    coactivation: (['trained', 'untrained network'] as const).map((name, i) => ({
      ...{ name, norm: 'features' as never, rows: 256, active: 900, l0: 32, entropy: 4 },
      ...{ effective: 120 - 30 * i, independent: { effective: 160, deviation: 4 } },
    })),
    basins: [],
  };
}

/** A bias study, and a result of every command of energy that keeps one. */
export const inventedSaved: SavedSource = {
  biasNames: async () => ['biographies'],
  bias: async (name) => (name === 'biographies' ? inventedBias() : undefined),
  energy: async (kind) =>
    ({
      importance: inventedImportance,
      circuit: inventedMasks,
      learning: inventedLearning,
      ensemble: inventedEnsemble,
    })[kind](),
};
