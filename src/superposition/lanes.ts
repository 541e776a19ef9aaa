/** @file Four toy models in the lanes of the WebAssembly kernel: their memory, their samples, their training. */
import { random } from '../core/random.ts';
import { arena, kernelMemory, loadKernels } from '../dictionaries/kernels.ts';
import { startWeights } from './start.ts';
import type { ToyInstance, ToyTask, ToyWeights } from './types.ts';

/** Instances of a vector. */
export const LANES = 4;

/** How long training goes, and with what. */
export interface LaneOptions {
  readonly steps: number;
  /** Samples of a step; a multiple of 4. */
  readonly batch: number;
  readonly learningRate: number;
  /** Factor of the learning rate at each step. */
  readonly pace: (step: number) => number;
}

/** Four models on one memory. */
export interface Lanes {
  /** Trains up to step `to`. */
  train(to: number): void;
  /** Loss of a fresh batch for each instance; its mean gradient lies in `gradient(lane)` afterwards. */
  sampleGradients(): number[];
  weights(lane: number): ToyWeights;
  /** Gradient by W (and W₁ before it, for `absolute`) and b, as the parameters lie. */
  gradient(lane: number): Float64Array;
  losses(lane: number): Float32Array;
}

const FLAG = { hiddenRelu: 1, outputRelu: 2, signed: 4, bias: 8 };
const WORDS = 23;

/**
 * Puts up to four instances, all of one form, into the kernel. Missing lanes repeat the first. `from` are weights to
 * start with instead of random ones, one for each instance.
 */
export function openLanes(
  instances: readonly ToyInstance[],
  { steps, batch, learningRate, pace }: LaneOptions,
  from?: readonly (ToyWeights | undefined)[],
): Lanes {
  const { kind, features: n, neurons: m, bias, groups } = instances[0]!.task;
  const tied = kind !== 'absolute';
  const matrices = tied ? 1 : 2;
  const count = matrices * n * m + n;
  const place = arena();
  const vectors = (howMany: number) => place.reserve(4 * howMany);
  const model = place.reserve(WORDS);
  const [parameters, gradient, mean, square] = [0, 0, 0, 0].map(() => vectors(count)) as [
    number,
    number,
    number,
    number,
  ];
  const [importance, low, high, inverse] = [0, 0, 0, 0].map(() => vectors(n)) as [
    number,
    number,
    number,
    number,
  ];
  const [source, own] = [place.reserve(n), place.reserve(n)];
  const [state, rate, once] = [vectors(4), vectors(1), vectors(1)];
  const scratch = vectors(4 * (2 * n + 2 * m) + n);
  const schedule = place.reserve(3 * steps);
  const losses = vectors(steps);
  const memory = kernelMemory(place.size, false);
  const floats = (at: number, length: number) => new Float32Array(memory.buffer, at, length);
  const words = (at: number, length: number) => new Int32Array(memory.buffer, at, length);
  const matrix = 16 * n * m;
  const pair = (at: number): [number, number, number] => {
    const decoder = tied ? at : at + matrix;
    return [at, decoder, decoder + matrix];
  };
  const flags =
    (kind === 'absolute' ? FLAG.hiddenRelu | FLAG.signed : 0) |
    (kind === 'linear' ? 0 : FLAG.outputRelu) |
    (bias ? FLAG.bias : 0);
  words(model, WORDS).set([
    ...[n, m, batch, flags, ...pair(parameters), ...pair(gradient), mean, square],
    ...[importance, low, high, inverse, source, own, state, scratch, rate, schedule, losses],
  ]);
  words(source, n).set(Array.from({ length: n }, (_, i) => i));
  for (const { kind: how, features } of groups) {
    // The one whose uniform is drawn first decides for all.
    const leader = Math.min(...features);
    for (const feature of features) {
      words(source, n)[feature] = leader;
      if (how === 'together' && feature !== leader) words(own, n)[feature] = 1;
    }
  }
  const lanes = Array.from({ length: LANES }, (_, lane) => instances[lane] ?? instances[0]!);
  for (const [lane, { task, seed, learningRate: rateOf = learningRate }] of lanes.entries()) {
    const put = (at: number, values: ArrayLike<number>) => {
      const to = floats(at, 4 * values.length);
      for (let i = 0; i < values.length; i++) to[4 * i + lane] = values[i]!;
    };
    const start = from?.[lane] ?? startWeights(task, seed);
    put(parameters, [...(start.encoder_NM ?? []), ...start.W_NM, ...start.b_N]);
    put(
      importance,
      task.importance_N.map((value) => value / n),
    );
    const { lows, highs } = intervals(task);
    put(low, lows);
    put(high, highs);
    put(
      inverse,
      lows.map((value, i) => 1 / (highs[i]! - value)),
    );
    put(rate, [rateOf]);
    const samples = random(seed).fork('samples');
    const seeds = Array.from({ length: 4 }, () => samples.integer(2 ** 32));
    for (let i = 0; i < 4; i++) new Uint32Array(memory.buffer, state, 16)[4 * i + lane] = seeds[i]!;
  }
  const paces = floats(schedule, 3 * steps);
  for (let step = 0; step < steps; step++)
    paces.set([pace(step) / (1 - 0.9 ** (step + 1)), 1 / (1 - 0.999 ** (step + 1)), 0], 3 * step);
  const kernels = loadKernels('toy', memory);
  let done = 0;
  const laneOf = (at: number, length: number, lane: number) =>
    Float64Array.from({ length }, (_, i) => floats(at, 4 * length)[4 * i + lane]!);
  return {
    train(to) {
      kernels.train(model, count, done, to);
      done = to;
    },
    sampleGradients() {
      kernels.gradients(model, count, once);
      const sums = floats(gradient, 4 * count);
      for (let i = 0; i < sums.length; i++) sums[i]! /= batch;
      return [...floats(once, 4)];
    },
    gradient: (lane) => laneOf(gradient, count, lane),
    weights(lane) {
      const all = laneOf(parameters, count, lane);
      const last = count - n;
      return {
        features: n,
        neurons: m,
        W_NM: all.slice(last - n * m, last),
        b_N: all.slice(last),
        ...(tied ? {} : { encoder_NM: all.slice(0, n * m) }),
      };
    },
    losses: (lane) => Float32Array.from({ length: done }, (_, i) => floats(losses, 4 * done)[4 * i + lane]!),
  };
}

/** Where a feature's uniform (or that of its group) has to fall for it to be active: exclusive ones lie side by side. */
function intervals({ features, sparsity, groups }: ToyTask): { lows: number[]; highs: number[] } {
  const active = 1 - sparsity;
  const lows: number[] = new Array(features).fill(0);
  for (const group of groups)
    if (group.kind === 'exclusive')
      for (const [i, feature] of group.features.entries()) lows[feature] = i * active;
  return { lows, highs: lows.map((value) => value + active) };
}
