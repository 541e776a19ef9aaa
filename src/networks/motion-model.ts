/** @file A learned motion at work: training on samples, and trajectories of many starts at once. */
import { throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { only } from '../graph/interventions.ts';
import { adam } from '../mechanics/optimisers/adam.ts';
import type { Schedule } from '../mechanics/optimisers/optimiser.ts';
import { openSession } from '../runtime/session.ts';
import { type MotionNetwork, motionObjective, STATE } from './motion.ts';
import { floats } from './perceptron.ts';
import { train } from './train.ts';

/** What a motion is learned from: states and what the network should say of them, each [samples, 2n]. */
export interface MotionSamples {
  readonly states: Float64Array;
  /** Rates of change, or states one step later, as the network's output is. */
  readonly targets: Float64Array;
}

export interface MotionTraining {
  readonly steps: number;
  /** Samples in a batch; all by default. */
  readonly batch?: number;
  /** 0.001 by default. */
  readonly learningRate?: Schedule;
  /** ½·decay·|θ|² is added to the loss; 0 by default. */
  readonly decay?: number;
  readonly seed: number;
}

/** The network with weights learned by Adam from samples. @throws as train() */
export async function trainMotion(
  network: MotionNetwork,
  samples: MotionSamples,
  { steps, batch, learningRate = 1e-3, decay = 0, seed }: MotionTraining,
  context: WorkContext & { readonly threads: number },
): Promise<MotionNetwork> {
  const width = 2 * network.dimension;
  const count = samples.states.length / width;
  const size = Math.min(batch ?? count, count);
  const whole = size === count ? Array.from({ length: count }, (_, i) => i) : undefined;
  const chance = random(seed).fork('batches');
  const rows = (data: Float64Array, order: ArrayLike<number>): Tensor => {
    const out = new Float64Array(order.length * width);
    for (let i = 0; i < order.length; i++)
      out.set(data.subarray(order[i]! * width, (order[i]! + 1) * width), i * width);
    return floats(network.dtype, [order.length, width], out);
  };
  const all = whole && { [STATE]: rows(samples.states, whole), target: rows(samples.targets, whole) };
  const { parameters } = await train(
    {
      name: network.kind,
      objective: motionObjective(network, decay),
      steps,
      batch(step) {
        if (all) return all;
        const drawn = chance.fork(`${step}`);
        const order = Array.from({ length: size }, () => drawn.integer(count));
        return { [STATE]: rows(samples.states, order), target: rows(samples.targets, order) };
      },
      optimiser: adam({ learningRate }),
    },
    context,
  );
  const weights = new Map([...network.graph.weights, ...Object.entries(parameters)]);
  return { ...network, graph: { ...network.graph, weights } };
}

/** A network that moves states. */
export interface MotionModel {
  /** The network's output at states [batch, 2n]. */
  output(states: Float64Array): Promise<Float64Array>;
  /**
   * Positions and momenta [steps + 1][batch × 2n] from `starts` on, `step` apart. Rates are integrated by the classical
   * Runge–Kutta method with `parts` parts of a step; a network that says the next state is applied once per step, and
   * `step` must be the one that it was trained on.
   */
  trajectories(
    starts: Float64Array,
    options: { readonly step: number; readonly steps: number; readonly parts?: number },
  ): Promise<Float64Array[]>;
  close(): Promise<void>;
}

/** Opens a network for trajectories. @throws RuntimeError of the session */
export async function openMotion(
  network: MotionNetwork,
  { threads, signal }: { readonly threads: number; readonly signal?: AbortSignal },
): Promise<MotionModel> {
  const session = await openSession(only(network.graph, [network.output]), { threads });
  const width = 2 * network.dimension;
  const output = async (states: Float64Array) => {
    const input = floats(network.dtype, [states.length / width, width], states);
    const { [network.output]: result } = await session.run({ [STATE]: input });
    return Float64Array.from(result!.data as Float64Array);
  };
  return {
    output,
    async trajectories(starts, { step, steps, parts = 1 }) {
      let now: Float64Array = starts.slice();
      const path = [now];
      for (let k = 0; k < steps; k++) {
        throwIfAborted(signal);
        if (network.output === 'next') now = await output(now);
        else for (let part = 0; part < parts; part++) now = await rungeKutta(output, now, step / parts);
        path.push(now);
      }
      return path;
    },
    close: () => session.release(),
  };
}

/** One step of the classical Runge–Kutta method for rates that have to be waited for. */
async function rungeKutta(
  rates: (states: Float64Array) => Promise<Float64Array>,
  x: Float64Array,
  h: number,
): Promise<Float64Array> {
  const moved = (k: Float64Array, by: number) => x.map((value, i) => value + by * k[i]!);
  const k1 = await rates(x);
  const k2 = await rates(moved(k1, h / 2));
  const k3 = await rates(moved(k2, h / 2));
  const k4 = await rates(moved(k3, h));
  return x.map((value, i) => value + (h / 6) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!));
}
