/** @file Self-check of the sequence and learning clocks and of ensembles: definitions against runs, closed forms, exact accounts. */
import type { RunOptions } from '../circuits/run-options.ts';
import { type CheckRow, checkRow } from '../core/check.ts';
import { random } from '../core/random.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { stateOf } from '../mechanics/build.ts';
import { relaxed } from '../mechanics/diagnostics/relax.ts';
import { integrate } from '../mechanics/integrate.ts';
import { leapfrogKDK } from '../mechanics/integrators/leapfrog.ts';
import { type Landscape, landscape, particle } from '../mechanics/landscape.ts';
import { heavyBall } from '../mechanics/optimisers/heavy-ball.ts';
import { tinyLlama } from '../models/tiny.ts';
import { effectiveFeatures } from './ensemble/coactivation.ts';
import { localLearning } from './ensemble/local-learning.ts';
import { maskEnergies, maskThermodynamics } from './ensemble/masks.ts';
import { multilinear, strengthThermodynamics } from './ensemble/strengths.ts';
import { textNetwork, textPairs } from './importance/text-network.ts';
import { separationBarrier } from './learning/barrier.ts';
import { conservationBroken, gradientFlow } from './learning/breaking.ts';
import { featureWork } from './learning/feature-work.ts';
import { chargesAlong, flowQuantity, type Symmetry } from './learning/symmetry.ts';
import { landscapeSystem } from './learning/training.ts';
import { sequenceClock } from './sequence/clock.ts';

const row = (name: string, value: number, bar: number) => checkRow('energy', name, value, bar);

/** Rows of the clocks that are no layers, and of what statistical mechanics makes of features. */
export async function clockRows(run: RunOptions): Promise<CheckRow[]> {
  return [await sequenceRow(run), ...learningRows(), await workRow(), ...ensembleRows()];
}

/** Features whose decoder rows are this long: first order has to be right to about as much. */
const SMALL = 0.01;

async function sequenceRow(run: RunOptions): Promise<CheckRow> {
  const model = tinyLlama(21, { layers: 3, dtype: 'float64' });
  const stream = random(21);
  const [width, features] = [16, 24];
  const weights = () => Float32Array.from({ length: features * width }, () => stream.normal() / 4);
  const W_enc_FD = weights();
  const dictionary: Dictionary = {
    ...{ architecture: 'relu', activation: { kind: 'relu' }, site: 'blocks.1.hook_resid_post' },
    ...{ modelHash: model.hash, width, features, W_enc_FD, b_enc_F: new Float32Array(features) },
    ...{ W_dec_FD: weights().map((w) => SMALL * w), b_dec_D: new Float32Array(width) },
    sinkNorm: Number.POSITIVE_INFINITY,
  };
  const windows = Array.from({ length: 3 }, () => ({
    tokens: Int32Array.from({ length: 11 }, () => stream.integer(256)),
  }));
  const texts = { pairs: textPairs(windows, 10), scale: 10 };
  const options = { seed: 0, permutations: 1, exact: {} };
  const { exact } = await sequenceClock(textNetwork(model), dictionary, texts, options, run);
  return row(
    'sequence clock, tiny Llama: V of small features to first order against runs',
    exact!.error,
    0.05,
  );
}

/** A loss of the product of two layers: θ = (a, b), a → ca, b → b/c changes nothing. */
const layers: Landscape = landscape('two layers', 4, (o, t) => {
  const errors = [o.sub(o.mul(t[0]!, t[2]!), 0.7), o.sub(o.mul(t[1]!, t[3]!), -0.4)];
  return o.add(o.mul(errors[0]!, errors[0]!), o.exp(o.mul(errors[1]!, errors[1]!)));
});
const rescaling: Symmetry = { kind: 'rescale', name: 'two layers', into: [0, 1], outOf: [2, 3] };

function learningRows(): CheckRow[] {
  const [q, p] = [
    [0.4, -0.9, 0.5, 1.1],
    [0.3, 0.2, -0.8, 0.1],
  ];
  const motion = integrate(particle(layers), leapfrogKDK, stateOf(q!, p!), { step: 0.02, steps: 200 });
  const flow = gradientFlow(layers, q!, { time: 3 });
  const kept = flowQuantity(rescaling, flow.q_KN.subarray(-4))! - flowQuantity(rescaling, q!)!;
  const broken = conservationBroken(layers, rescaling, q!, {
    learningRate: 0.05,
    weightDecay: 0.1,
    steps: 60,
  })!;
  const directions = landscape('two directions', 4, (o, d) => {
    const lengths = [0, 2].map((i) => o.sqrt(o.add(o.mul(d[i]!, d[i]!), o.mul(d[i + 1]!, d[i + 1]!))));
    const product = o.add(o.mul(d[0]!, d[2]!), o.mul(d[1]!, d[3]!));
    const overlap = o.relu(o.div(product, o.mul(lengths[0]!, lengths[1]!)));
    const springs = lengths.map((length) => o.mul(5, o.pow(o.sub(length, 1), 2)));
    return o.add(o.mul(2, o.mul(overlap, overlap)), o.add(springs[0]!, springs[1]!));
  });
  const set = {
    directions: [
      [0, 1],
      [2, 3],
    ],
    cosine: 0.8,
  };
  const { barrier } = separationBarrier(directions, [1, 0, -1, 0], set);
  return [
    row(
      'learning clock: charge of rescaling against ∫2(T_in − T_out)dt',
      chargesAlong(motion, rescaling).defect,
      1e-12,
    ),
    row('learning clock: |θ_in|² − |θ_out|² along gradient flow changes by', Math.abs(kept), 1e-9),
    row(
      'learning clock: its breaking by steps and weight decay against the account',
      Math.abs(broken.after - broken.predicted),
      1e-12,
    ),
    row(
      'separation barrier of two directions against 2c², relative',
      Math.abs(barrier / (2 * 0.8 ** 2) - 1),
      0.02,
    ),
  ];
}

/** A feature is one unit: its weight in each of the two layers. */
async function workRow(): Promise<CheckRow> {
  const { completeness } = await featureWork(
    landscapeSystem(layers),
    heavyBall({ step: 0.1, friction: 0.5 }),
    [0.4, -0.9, 0.5, 1.1],
    { features: 2, owner_N: Int32Array.of(0, 1, 0, 1) },
    { steps: 60, rule: 'gauss-5' },
  );
  return row(
    'learning clock: work of all features against the change of the loss, relative',
    completeness,
    1e-8,
  );
}

function ensembleRows(): CheckRow[] {
  const costs = [0.5, 1.2, -0.4];
  const energies = maskEnergies(
    Array.from({ length: 8 }, (_, s) => costs.reduce((V, c, i) => ((s >> i) & 1 ? V : V + c), 0.3)),
  );
  const [exact] = maskThermodynamics(energies, [2]);
  const F = 0.3 - costs.reduce((sum, c) => sum + Math.log1p(Math.exp(-2 * c)), 0) / 2;
  const [sampled] = strengthThermodynamics(multilinear(energies), [1.5], { draws: 1500, random: random(5) });
  const box = costs.reduce((sum, c) => sum - Math.log(-Math.expm1(-1.5 * c) / (1.5 * c)) / 1.5, 0.3);
  const code = {
    slots: 1,
    indices_BK: Int32Array.from({ length: 40 }, (_, r) => r % 5),
    values_BK: Float32Array.from({ length: 40 }, (_, r) => 1 + r),
  };
  const { effective } = effectiveFeatures(code, { random: random(0), permutations: 1 });
  const C = [0.6, -0.3, 1.2, -0.6];
  const network = landscape('linear network 2-1-2', 4, (o, w) =>
    C.map((c, k) => o.sub(o.mul(w[2 + (k >> 1)]!, w[k & 1]!), c))
      .map((error) => o.mul(error, error))
      .reduce((sum, term) => o.add(sum, term)),
  );
  const { x } = relaxed(network, [0.4, -0.3, 0.5, 0.6], { tolerance: 1e-10 });
  const learned = localLearning(network, x, { examples: 100_000, draws: 1500, random: random(5) });
  return [
    row('ensemble of masks: free energy against the closed form', Math.abs(exact!.freeEnergy - F), 1e-12),
    row(
      'ensemble of strengths: sampled free energy against the closed form, in its errors',
      Math.abs(sampled!.freeEnergy.value - box) / sampled!.freeEnergy.error,
      4,
    ),
    row(
      'co-activation: exp S of five features that never meet, distance from 5',
      Math.abs(effective - 5),
      1e-10,
    ),
    row(
      'local learning coefficient of a linear network against 3/2, in its errors',
      Math.abs(learned.value - 1.5) / learned.error,
      4,
    ),
  ];
}
