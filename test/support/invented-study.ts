/** @file INVENTED data for developing and testing the Studio. No number here was measured; it never ships. */
import { type Random, random } from '../../src/core/random.ts';
import type { ConceptResult } from '../../src/energy/concept/types.ts';
import type {
  DictionaryResult,
  EditResult,
  EditRow,
  EnergyResult,
  Estimate,
  ModelSummary,
  StepState,
  StudyResults,
  StudyState,
} from '../../src/studio/shapes.ts';
import { noResults } from '../../src/study/results.ts';
import { inventedCircuit } from './invented-circuit.ts';
import { inventedFlow, inventedSequence } from './invented-energy.ts';

export const inventedSites = [5, 11, 17, 23, 28].map((layer) => `blocks.${layer}.hook_resid_post`);

export const estimate = (value: number, half: number, n = 80): Estimate => ({
  value,
  low: value - half,
  high: value + half,
  n,
});

const model: ModelSummary = {
  name: 'SmolLM2-135M-Instruct (invented)',
  source: 'invented data for tests',
  note: 'a 4-bit instruct model: its weights were rounded to 4 bits and it was trained to follow instructions',
  parameters: 134_515_008,
  layers: 30,
  width: 576,
  vocabulary: 49_152,
  logits: { ioiCorrect: 20, of: 20, pMary: 0.921 },
  examples: [
    example('When Mary and John went to the store, John gave a drink to', ' Mary', 0.921),
    example('The nurse slept because', ' she', 0.583),
    example('The keys to the cabinet', ' are', 0.412),
    example('The capital of France is', ' Paris', 0.655),
  ],
};

function example(prompt: string, first: string, p: number) {
  const others = [' the', ' he', ' it', ' her', ' a', ' was', ' them', ' him', '\n'];
  const tokens = [{ text: first, probability: p }];
  let left = 1 - p;
  for (const text of others) {
    tokens.push({ text, probability: left * 0.34 });
    left *= 0.66;
  }
  return { prompt, tokens };
}

const text: StudyResults['text'] = {
  source: 'English Wikipedia leads (invented)',
  documents: 2_413,
  trainTokens: 150_016,
  heldOutTokens: 20_096,
  leftOut: inventedSites.map((site, i) => ({
    site,
    first: 1_172,
    byNorm: 9 + 7 * i,
    share: 0.0004 + 0.0001 * i,
  })),
  attribution: 'Text of Wikipedia, CC BY-SA 4.0, by its authors.',
};

const dictionaries: DictionaryResult[] = inventedSites.map((site, i) => {
  const fve = 0.86 - 0.028 * i;
  return {
    site,
    features: i === 1 ? 4608 : 2304,
    k: 32,
    l0: 32,
    fve,
    ceRecovered: 0.97 - 0.006 * i,
    ce: { clean: 3.33, spliced: 3.52 + 0.05 * i, meanAblated: 10.26 },
    dead: 0.012 + 0.006 * i,
    tokensPerSecond: 9_800 - 200 * i,
    tokensSeen: 600_064,
    curve: Array.from({ length: 24 }, (_, j) => ({
      tokens: Math.round(((j + 1) / 24) * 600_064),
      fve: fve * (1 - Math.exp(-(j + 1) / 4.5)),
      l0: 32,
      loss: 1 - fve * (1 - Math.exp(-(j + 1) / 4.5)),
    })),
  };
});

function energy(task: string, seed: number): EnergyResult {
  const source = random(seed);
  const deltaM = 2.6;
  const cuts = [0, 6, 12, 18, 24, 29];
  return {
    task,
    costate: {
      spread: 2.4e-7,
      relativeSpread: 1.9e-6,
      randomSpread: 2.8e-7,
      products: Array.from({ length: 31 }, (_, cut) => ({
        cut,
        site: cut === 0 ? 'hook_embed' : `blocks.${cut - 1}.hook_resid_post`,
        value: deltaM * (1 + 1e-6 * source.normal()),
      })),
    },
    leak: 0.018,
    budget: cuts.map((cut, i) => {
      const errors = deltaM * (0.16 + 0.04 * i + 0.03 * source.normal());
      const leak = deltaM * (i < 2 ? 0.05 : 0.012) * source.normal();
      return {
        cut,
        site: cut === 0 ? 'hook_embed' : `blocks.${cut - 1}.hook_resid_post`,
        deltaM,
        features: deltaM - errors - leak,
        errors,
        leak: Math.abs(leak) / deltaM,
        leakByRule: {
          'attribution patching': 0.9 - 0.08 * i,
          'left Riemann, 10 points': 0.05 - 0.004 * i,
          'midpoint, 5 points': 0.28 / (i + 1) ** 2,
          'midpoint, 10 points': 0.06 / (i + 1) ** 2,
        },
      };
    }),
    rules: [
      { name: 'attribution patching', points: 1 },
      { name: 'left Riemann, 10 points', points: 10 },
      { name: 'midpoint, 5 points', points: 5 },
      { name: 'midpoint, 10 points', points: 10 },
    ],
    rule: 'midpoint, 10 points',
    examples: 60,
    ruleExamples: 16,
    topFeatures: Array.from({ length: 12 }, (_, i) => ({
      site: inventedSites[source.integer(5)]!,
      feature: source.integer(2304),
      position: 1 + source.integer(4),
      energy: (i % 5 === 4 ? -0.6 : 1) * 0.5 * 0.78 ** i,
    })),
  };
}

const jobs: [string, number][] = [
  ['carpenter', 3], ['mechanic', 4], ['construction worker', 5], ['engineer', 16], ['pilot', 9], ['guard', 24],
  ['farmer', 26], ['lawyer', 39], ['doctor', 41], ['manager', 44], ['salesperson', 49], ['baker', 58],
  ['accountant', 59], ['writer', 60], ['teacher', 73], ['cashier', 72], ['librarian', 82], ['hairdresser', 91],
  ['receptionist', 90], ['nurse', 87],
]; // biome-ignore format: one table

function edit(source: Random): EditResult {
  const rows: EditRow[] = [];
  for (const [method, effect, harm] of [
    ['features', 1.0, 0.35],
    ['random', 0.02, 0.4],
    ['mean-ablation', 0.92, 1.6],
  ] as const) {
    for (const strength of [0.5, 1, 2]) {
      rows.push({
        method,
        strength,
        deltaX: 11.2 * strength,
        deltaXText: (method === 'random' ? 9.8 : 2.1) * strength,
        biasChange: estimate(-2.31 * 0.62 * effect * (1 - 0.35 ** strength), 0.2, 20),
        biasBefore: 2.31,
        biasAfter: estimate(2.31 * (1 - 0.62 * effect * (1 - 0.35 ** strength)), 0.31, 20),
        agreementBefore: 0.884,
        agreementAfter: estimate(0.884 - 0.004 * harm * strength * 3, 0.028, 200),
        kl: estimate(0.004 * harm * strength ** 2, 0.0012 * harm * strength, 160),
        perplexity: 27.9 + harm * strength,
        correlation: 0.83 * (1 - 0.7 * effect),
        draws: method === 'random' ? 5 : 1,
        ...(method === 'random' ? {} : { beyondRandom: estimate(0.5 * effect * strength, 0.2, 20) }),
      });
    }
  }
  return {
    task: 'gender',
    counts: { pairs: 120, agreement: 200, textTokens: 10_240 },
    features: Array.from({ length: 6 }, (_, i) => ({
      site: inventedSites[2 + (i % 3)]!,
      feature: 101 + 211 * i,
      effect: -0.4 * 0.8 ** i,
      label: ['" she" " her"', '" women"', '" nurse"', '" he" " his"', '" mother"', '" lady"'][i]!,
    })),
    rows,
    baseline: {
      bias: estimate(2.31, 0.38, 20),
      agreement: estimate(0.884, 0.027, 200),
      perplexity: 27.9,
      correlation: 0.83,
    },
    occupations: jobs.map(([occupation, percentWomen]) => {
      const before = (percentWomen - 45) / 16 + 0.7 * source.normal();
      const after: Record<string, number> = {};
      for (const row of rows) {
        const kept = row.biasAfter.value / row.biasBefore;
        after[`${row.method}@${row.strength}`] = before * kept + 0.15 * source.normal();
      }
      return { occupation, percentWomen, before, after };
    }),
  };
}

const step = (name: string, label: string, stage: StepState['stage'], seconds: number, unit = 'tokens') => ({
  name,
  label,
  stage,
  status: 'done' as const,
  done: 100,
  total: 100,
  unit,
  seconds,
});

/** One of each kind. */
const inventedConcepts: ConceptResult[] = [
  {
    ...{ module: 'margin', task: 'gender', kind: 'observable', name: 'margin', unit: 'logits' },
    ...{ meaning: 'mean of m(clean) − m(patch)', value: 3.21 },
  },
  {
    ...{ module: 'participation-ratio', task: 'gender', kind: 'observable', unit: 'coordinates' },
    ...{ name: 'participation ratio of energy', meaning: 'over how many coordinates energy is spread' },
    series: {
      over: 'depth',
      labels: ['hook_embed', ...inventedSites],
      values: [210, 95, 48, 31, 22].slice(0, 1 + inventedSites.length),
    },
  },
  {
    ...{ module: 'spring-potential', task: 'gender', kind: 'potential', name: 'spring' },
    meaning: 'half the squared distance of an activation from its mean',
    features: [3, 14, 15].map((feature, i) => ({
      ...{ site: inventedSites[0]!, feature, kinetic: 0.4 - 0.1 * i, potential: 0.4 - 0.1 * i },
      ...{ energy: 0.8 - 0.2 * i, drift: 0.5 + 0.1 * i, textbookDrift: 0.9 - 0.1 * i },
    })),
  },
  {
    ...{ module: 'oscillator', task: 'gender', kind: 'clock', name: 'oscillator', meaning: 'cos and sin' },
    motion: {
      ...{ coordinates: ['x'], times: [0, 1, 2, 3], q_KN: [1, 0.5, -0.4, -1], p_KN: [0, -0.8, -0.9, -0.1] },
      ...{ kinetic_K: [0, 0.32, 0.4, 0.005], potential_K: [0.5, 0.13, 0.08, 0.5] },
      ...{ energy_K: [0.5, 0.45, 0.48, 0.505], drift: 0.03 },
    },
  },
];

/** A finished study, all numbers invented. */
export function inventedStudy(): StudyState {
  return {
    name: 'invented demo',
    command: 'npm run -s untangle -- demo',
    steps: [
      step('model', 'Open the model', 'model', 6.2, 'tensors'),
      step('text', 'Read the text', 'text', 3.1),
      step('harvest', 'Harvest activations', 'features', 118),
      ...inventedSites.map((site, i) =>
        step(`train/${site}`, `Learn features at ${site}`, 'features', 61 + i),
      ),
      step('circuit/agreement', 'Find the circuit: agreement', 'circuit', 45, 'examples'),
      step('circuit/gender', 'Find the circuit: she or he', 'circuit', 47, 'examples'),
      step('energy/gender', 'Measure the energy', 'energy', 31, 'examples'),
      step('edit', 'Edit the bias', 'edit', 38, 'prompts'),
    ],
    results: {
      model,
      text,
      dictionaries,
      sweeps: [],
      circuits: [inventedCircuit('gender', 7), inventedCircuit('agreement', 8)],
      energy: [energy('gender', 3), energy('agreement', 4)],
      flows: [inventedFlow('gender', 'She or he after an occupation')],
      sequence: { report: inventedSequence() },
      edit: edit(random(5)),
      concepts: inventedConcepts,
    },
  };
}

/** The invented study as it looks in the middle of its run: features being learned, nothing after. */
export function inventedStudyMidway(): StudyState {
  const study = inventedStudy();
  const running = `train/${inventedSites[1]}`;
  let seen = false;
  const steps = study.steps.map((one): StepState => {
    if (one.name === running) {
      seen = true;
      return { ...one, status: 'running', done: 210_000, total: 600_064, seconds: undefined };
    }
    return seen ? { ...one, status: 'waiting', done: undefined, total: undefined, seconds: undefined } : one;
  });
  return {
    ...study,
    steps,
    results: { ...noResults, model, text, dictionaries: dictionaries.slice(0, 1) },
  };
}
