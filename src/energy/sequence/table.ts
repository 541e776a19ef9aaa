/** @file Sums of all features over texts, text by text, with V in its own order and permuted in time: no tokens × features. */
import { range } from '../../circuits/examples.ts';
import type { Random } from '../../core/random.ts';
import { quantile } from '../../core/statistics.ts';
import { type MotionSums, matchedMass, motionOf } from './motion.ts';
import { type ReadText, stepsOf } from './read.ts';
import type { FeatureClock, MassRule, SequenceTable } from './types.ts';

/** Gathers texts, then makes tables; [F] and [R, F] numbers are all it holds. */
export interface Gathering {
  add(text: ReadText): void;
  /** Steps so far. */
  steps(): number;
  table(rule: MassRule): SequenceTable;
}

/** Share of permutations that a drift has to be among the lowest of. */
const LOW = 0.05;

/** Share of rows that are low; of no rows there is none. */
const low = (rows: readonly FeatureClock[]): number | undefined =>
  rows.length === 0 ? undefined : rows.filter((row) => row.belowNull <= LOW).length / rows.length;

/** The active features of a position, and where their entries stand. */
function entries(text: ReadText, t: number, visit: (feature: number, at: number) => void): void {
  for (let at = t * text.slots; at < (t + 1) * text.slots; at++) {
    if (text.q_TK[at] !== 0) visit(text.indices_TK[at]!, at);
  }
}

/** Features that move in a step, and a = ½(q(t+1) − q(t))² of each. */
function stepMoves(
  F: number,
): (text: ReadText, t: number) => { readonly feature: number; readonly a: number }[] {
  // Work space: activations at t and t + 1; 0 wherever nothing is active.
  const [now, next] = [new Float64Array(F), new Float64Array(F)];
  return (text, t) => {
    entries(text, t, (i, at) => {
      now[i] = text.q_TK[at]!;
    });
    entries(text, t + 1, (i, at) => {
      next[i] = text.q_TK[at]!;
    });
    const found: { feature: number; a: number }[] = [];
    const take = (i: number) => {
      if (now[i] === next[i]) return;
      found.push({ feature: i, a: (next[i]! - now[i]!) ** 2 / 2 });
      now[i] = next[i]!;
    };
    entries(text, t, take);
    entries(text, t + 1, take);
    entries(text, t, (i) => {
      now[i] = 0;
    });
    entries(text, t + 1, (i) => {
      now[i] = 0;
      next[i] = 0;
    });
    return found;
  };
}

const keys = ['a', 'aa', 'V', 'absV', 'VV', 'aV'] as const satisfies readonly (keyof MotionSums)[];

/**
 * @param permutations orders of V in each text, drawn from `stream`; they leave each text its own steps, so what differs
 *   from text to text stays in the null
 */
export function gathering(features: number, permutations: number, stream: Random): Gathering {
  const F = features;
  const sums = Object.fromEntries(keys.map((key) => [key, new Float64Array(F)])) as Record<
    keyof MotionSums,
    Float64Array
  >;
  const active_F = new Int32Array(F);
  const permuted_RF = new Float64Array(permutations * F);
  const moves = stepMoves(F);
  /** Work space: V at one step; 0 wherever nothing is active. */
  const V = new Float64Array(F);
  let count = 0;

  return {
    steps: () => count,
    add(text) {
      const steps = stepsOf(text);
      count += steps.length;
      const moved = steps.map((t) => moves(text, t));
      const products = (order: ArrayLike<number>, out: Float64Array) => {
        steps.forEach((_, s) => {
          const t = steps[order[s]!]!;
          entries(text, t, (i, at) => {
            V[i] = text.V_TK[at]!;
          });
          for (const { feature, a } of moved[s]!) out[feature]! += a * V[feature]!;
          entries(text, t, (i) => {
            V[i] = 0;
          });
        });
      };
      steps.forEach((t, s) => {
        for (const { feature, a } of moved[s]!) {
          sums.a[feature]! += a;
          sums.aa[feature]! += a * a;
        }
        entries(text, t, (i, at) => {
          const value = text.V_TK[at]!;
          active_F[i]!++;
          sums.V[i]! += value;
          sums.absV[i]! += Math.abs(value);
          sums.VV[i]! += value * value;
        });
      });
      products(range(0, steps.length), sums.aV);
      for (let r = 0; r < permutations; r++) {
        products(stream.permutation(steps.length), permuted_RF.subarray(r * F, (r + 1) * F));
      }
    },
    table: (rule) => tableOf({ sums, active_F, permuted_RF, permutations, steps: count }, rule),
  };
}

/** Everything that was gathered: [F] sums, [R, F] sums of aV under each permutation. */
interface Gathered {
  readonly sums: Record<keyof MotionSums, Float64Array>;
  readonly active_F: Int32Array;
  readonly permuted_RF: Float64Array;
  readonly permutations: number;
  readonly steps: number;
}

/** Every active feature's motion by a mass rule, beside its null. */
function tableOf(
  { sums, active_F, permuted_RF, permutations, steps }: Gathered,
  rule: MassRule,
): SequenceTable {
  const total = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0);
  const common = matchedMass({ a: total(sums.a), absV: total(sums.absV) });
  const rows: FeatureClock[] = [];
  for (let i = 0; i < active_F.length; i++) {
    if (active_F[i] === 0) continue;
    const own = Object.fromEntries(keys.map((key) => [key, sums[key][i]!])) as unknown as MotionSums;
    const mass = rule === 'matched' ? matchedMass(own) : rule === 'common' ? common : 1;
    const motion = motionOf(own, steps, mass);
    let [sum, below] = [0, 0];
    for (let r = 0; r < permutations; r++) {
      const { drift } = motionOf({ ...own, aV: permuted_RF[r * active_F.length + i]! }, steps, mass);
      sum += drift;
      // A feature that neither moves nor counts has no drift, and is below nothing.
      if (!(drift > motion.drift)) below++;
    }
    const performance = -motion.potential;
    rows.push({
      feature: i,
      active: active_F[i]!,
      ...motion,
      performance,
      article: motion.kinetic - performance,
      nullDrift: sum / permutations,
      belowNull: (1 + below) / (1 + permutations),
    });
  }
  rows.sort((x, y) => y.absPotential - x.absPotential);
  const median = (of: (row: FeatureClock) => number) => {
    const finite = rows.map(of).filter(Number.isFinite);
    return finite.length === 0 ? Number.NaN : quantile(finite, 0.5);
  };
  return {
    rule,
    features: rows,
    medianDrift: median((row) => row.drift),
    medianNullDrift: median((row) => row.nullDrift),
    belowNull: low(rows),
    belowNullLowering: low(rows.filter((row) => row.potential < 0)),
    belowNullRaising: low(rows.filter((row) => row.potential > 0)),
  };
}
