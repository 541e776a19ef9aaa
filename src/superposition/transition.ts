/**
 * @file From the tangled to the disentangled state in phase space: a sparse autoencoder that starts as the toy's neurons
 * and learns its features, on the learning clock of four optimisers.
 */
import { random } from '../core/random.ts';
import { recovery } from '../dictionaries/synthetic.ts';
import { adam } from '../mechanics/optimisers/adam.ts';
import { conformalLeapfrog } from '../mechanics/optimisers/conformal-leapfrog.ts';
import { ecd } from '../mechanics/optimisers/ecd.ts';
import { heavyBall } from '../mechanics/optimisers/heavy-ball.ts';
import type { Optimiser } from '../mechanics/optimisers/optimiser.ts';
import { type DescentFrame, openDescent } from './descent.ts';
import { hiddenStates, nonZeroRows, sampleInputs } from './inputs.ts';
import { encoderResponses, type Responses, trueDirections } from './responses.ts';
import { partsOf, sparseCodeLandscape } from './sparse-code.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** The optimisers of the transition, each with the time that one of its steps takes. */
const methods = {
  adam: { time: 1, make: () => adam({ learningRate: 0.02 }) },
  'heavy-ball': { time: 1, make: () => heavyBall({ step: 1, friction: 0.3 }) },
  'conformal-leapfrog': { time: 0.5, make: () => conformalLeapfrog({ step: 0.5, friction: 0.3 }) },
  // Unit speed: a step is as long as its time, step/√η.
  'energy-conserving': { time: 0.03, make: () => ecd({ step: 0.3, eta: 100 }) },
} as const satisfies Record<string, { time: number; make: () => Optimiser }>;

/** Name of an optimiser of the transition. */
export type TransitionMethod = keyof typeof methods;

/** All of them, baselines first. */
export const transitionMethods = Object.keys(methods) as TransitionMethod[];

/** A moment of the transition. */
export interface TransitionFrame {
  readonly step: number;
  /** Position on the straight line from the first to the last state: (θ − θ₀)·û. */
  readonly q: number;
  /** Momentum along it, unit mass: θ̇·û, with θ̇ what the last step moved by its time. */
  readonly p: number;
  /** T = ½|θ̇|²; ½ throughout for the energy-conserving one, whose speed is 1 by construction. */
  readonly kinetic: number;
  /** V: the loss of the autoencoder over all rows. */
  readonly potential: number;
  /** H = T + V. What the energy-conserving one keeps is another energy; `energyError` is what its steps made of it. */
  readonly energy: number;
  /** Energy-conserving only: error of the imposed energy per dimension, before it is imposed again. */
  readonly energyError?: number;
}

/** A transition, with the answers of the units at some moments for stack plots. */
export interface Transition {
  readonly method: TransitionMethod;
  readonly frames: readonly TransitionFrame[];
  readonly states: readonly { readonly step: number; readonly responses: Responses }[];
  /** Mean cosine of the represented features with the decoder rows that an optimal assignment gives them, first and last. */
  readonly mcc: { readonly before: number; readonly after: number };
}

/** How long, and from where. */
export interface TransitionOptions {
  /** 2,000 unless given. */
  readonly steps?: number;
  /** Inputs drawn (those without an active feature are left out); 1,500 unless given. */
  readonly rows?: number;
  /** Units of the autoencoder; as many as features are represented unless given. */
  readonly units?: number;
  /** λ of the sparsity penalty; 0.1 unless given. */
  readonly penalty?: number;
  readonly seed?: number;
  /** Moments with stack plots; 40 unless given. */
  readonly states?: number;
}

/** One optimiser's way from the neurons to the features. */
export function transition(
  task: ToyTask,
  weights: ToyWeights,
  method: TransitionMethod,
  options: TransitionOptions = {},
): Transition {
  const m = weights.neurons;
  const truth = trueDirections(weights);
  const {
    steps = 2000,
    rows = 1500,
    units = truth.length / m,
    penalty = 0.1,
    seed = 0,
    states = 40,
  } = options;
  const shape = { units, width: m };
  const stream = random(seed);
  const inputs = sampleInputs(task, rows, stream.fork('inputs'));
  const V = sparseCodeLandscape(nonZeroRows(hiddenStates(weights, inputs), m), shape, penalty);
  const { time, make } = methods[method];
  const descent = openDescent(V, tangledStart(units, m, stream.fork('start')), { optimiser: make() });
  descent.advance(steps);
  const { frames } = descent;
  const mccOf = ({ x }: DescentFrame) =>
    recovery(Float32Array.from(partsOf(shape, x).decoder_FM), truth, m).matched;
  const every = Math.max(1, Math.floor(steps / states));
  return {
    method,
    frames: phaseFrames(frames, time),
    states: frames
      .filter(({ step }) => step % every === 0)
      .map(({ step, x }) => {
        const { encoder_FM, bias_F } = partsOf(shape, x);
        return { step, responses: encoderResponses(weights, encoder_FM, bias_F) };
      }),
    mcc: { before: mccOf(frames[0]!), after: mccOf(frames.at(-1)!) },
  };
}

/** Units that are the neurons themselves, positive and negative in turn, a little apart where they repeat. */
function tangledStart(units: number, m: number, stream: ReturnType<typeof random>): Float64Array {
  const rows = Array.from({ length: units }, (_, f) =>
    Array.from(
      { length: m },
      (__, k) => (k === f % m ? (Math.floor(f / m) % 2 === 0 ? 1 : -1) : 0) + 0.05 * stream.normal(),
    ),
  ).flat();
  return Float64Array.from([...rows, ...rows, ...new Array<number>(units).fill(0)]);
}

function phaseFrames(frames: readonly DescentFrame[], time: number): TransitionFrame[] {
  const [first, last] = [frames[0]!.x, frames.at(-1)!.x];
  const length = Math.hypot(...last.map((x, i) => x - first[i]!)) || 1;
  const along = last.map((x, i) => (x - first[i]!) / length);
  return frames.map(({ step, x, loss, figures }, at) => {
    const before = frames[Math.max(0, at - 1)]!.x;
    let [q, p, square] = [0, 0, 0];
    for (let i = 0; i < x.length; i++) {
      const rate = (x[i]! - before[i]!) / time;
      q += (x[i]! - first[i]!) * along[i]!;
      p += rate * along[i]!;
      square += rate * rate;
    }
    const { energyError } = figures;
    const kinetic = square / 2;
    return {
      ...{ step, q, p, kinetic, potential: loss, energy: kinetic + loss },
      ...(energyError === undefined ? {} : { energyError }),
    };
  });
}
