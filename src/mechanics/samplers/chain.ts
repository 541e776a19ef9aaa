/** @file What a sampler returns, and the statistics of it that allow for draws that depend on each other. */
import { MechanicsError } from '../../core/errors.ts';
import { mean } from '../../core/statistics.ts';

/** Draws from exp(−V), in order. */
export interface Chain {
  readonly sampler: string;
  readonly dimension: number;
  /** Row by row [K × n]. */
  readonly draws_KN: Float64Array;
  /** V of each draw, [K]. */
  readonly values: Float64Array;
  /** Step length that was used (after adaptation). */
  readonly step: number;
  /** Mean probability of acceptance; 1 for samplers that do not reject. */
  readonly acceptance: number;
  /** Trajectories whose energy error exceeded 1,000: the step is too long where these happen. */
  readonly divergences: number;
  /** Gradients used, warm-up included. */
  readonly gradients: number;
}

/** A mean with its Monte Carlo standard error. */
export interface MonteCarlo {
  readonly value: number;
  readonly error: number;
  /** Number of independent draws worth as much. */
  readonly effective: number;
}

/**
 * The mean of a correlated series; its error from the autocorrelations up to where their sums over pairs of lags stop
 * being positive and falling (initial monotone sequence, Geyer 1992 §3.3). Infinite where all values are the same.
 */
export function monteCarloMean(series: ArrayLike<number>): MonteCarlo {
  const x = Array.from(series);
  const K = x.length;
  const value = mean(x);
  const d = x.map((xi) => xi - value);
  const covariance = (lag: number) => {
    let sum = 0;
    for (let k = lag; k < K; k++) sum += d[k]! * d[k - lag]!;
    return sum / K;
  };
  const variance = covariance(0);
  // One value only: a chain that did not move is worth one draw, and says nothing about its error.
  if (!(variance > 0) || x.every((xi) => xi === x[0]))
    return { value, error: Number.POSITIVE_INFINITY, effective: 1 };
  let [total, smallest] = [-variance, Number.POSITIVE_INFINITY];
  for (let lag = 0; lag + 1 < K; lag += 2) {
    const pair = covariance(lag) + covariance(lag + 1);
    if (pair <= 0) break;
    smallest = Math.min(smallest, pair);
    total += 2 * smallest;
  }
  const time = Math.max(total / variance, 1 / K);
  return { value, error: Math.sqrt((variance * time) / K), effective: K / time };
}

/** The mean of any function of the draws. */
export function expectation(chain: Chain, of: (x: Float64Array) => number): MonteCarlo {
  const { draws_KN, dimension } = chain;
  return monteCarloMean(
    Array.from(chain.values, (_, k) => of(draws_KN.subarray(k * dimension, (k + 1) * dimension))),
  );
}

/** What every sampler is told. */
export interface SamplingOptions {
  /** Draws kept. */
  readonly draws: number;
  /** Draws made before, while the step adapts; not kept. */
  readonly warmUp?: number;
  readonly signal?: AbortSignal;
}

/** Collects draws and what a chain reports. @throws MechanicsError `mechanics.option` unless `draws` is a whole number from 1. */
export function recorder(dimension: number, draws: number) {
  if (!Number.isInteger(draws) || draws < 1)
    throw new MechanicsError('mechanics.option', `${draws} draws were asked for`, {
      where: 'draws',
      hint: 'give a whole number from 1',
    });
  const draws_KN = new Float64Array(draws * dimension);
  const values = new Float64Array(draws);
  let [kept, acceptance, divergences] = [0, 0, 0];
  return {
    keep(x: Float64Array, value: number, accepted: number, diverged: boolean) {
      draws_KN.set(x, kept * dimension);
      values[kept++] = value;
      acceptance += accepted;
      if (diverged) divergences++;
    },
    chain: (sampler: string, step: number, gradients: number): Chain => ({
      sampler,
      dimension,
      draws_KN,
      values,
      step,
      acceptance: acceptance / draws,
      divergences,
      gradients,
    }),
  };
}
