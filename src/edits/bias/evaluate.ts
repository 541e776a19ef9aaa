/** @file Measures edits: classifiers and leakage probes of every seed on edited rows. */
import type { LinearProbe } from '../../activations/probe.ts';
import { knnLogits, neighbours } from '../../activations/probes/knn.ts';
import { fitMlp, mlpLogits } from '../../activations/probes/mlp.ts';
import { fitStandardProbe } from '../../activations/probes/standard.ts';
import { giveWay } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { editedStates, meanMove, takeRows } from './apply.ts';
import type { MadeRow, OtherRows } from './rows/types.ts';
import { type RightCounts, rightCounts, rightOf, type Units, unitsOf } from './runs.ts';
import { logitsOf } from './selection.ts';
import type { BiasProblem, BiasRows, PooledEdit } from './types.ts';

/** Share of the persons that one seed trains on. A seed draws them, and where a network's weights start. */
export const SEED_SHARE = 0.8;

export interface SeedCounts {
  /** Seeds of the classifier, and of every leakage probe at the full edit. */
  readonly probes: number;
  /** Seeds of the linear leakage probe at the other points of a curve. */
  readonly curve: number;
}

/** Measured once per edit, whatever rows share it. */
export interface LeakageRuns {
  readonly linear: readonly RightCounts[];
  readonly mlp: readonly RightCounts[];
  readonly knn: readonly RightCounts[];
}

/** Runs of a classifier on the test rows. */
export interface ClassifierRuns {
  readonly right_RN: readonly Uint8Array[];
  readonly p_RN: readonly Float64Array[];
}

/** Measures the edits of one problem. Holds what edits share: the classifiers trained before any edit. */
export interface Evaluator {
  readonly units: Units;
  classify(made: MadeRow, edit: PooledEdit): Promise<ClassifierRuns>;
  /** All probes where `full`; else the linear one with fewer seeds. */
  leakage(made: MadeRow, edit: PooledEdit, full: boolean): Promise<LeakageRuns>;
  /** Mean ‖Δx̄‖ of test rows. */
  move(made: MadeRow, edit: PooledEdit): number;
}

/** An evaluator of `problem`. */
export function evaluator(
  problem: BiasProblem,
  seeds: SeedCounts,
  random: Random,
  signal?: AbortSignal,
): Evaluator {
  const { balanced } = problem;
  const own: OtherRows = {
    width: problem.width,
    train: problem.train,
    balanced,
    oracleTrain: problem.oracleTrain,
  };
  const units = unitsOf(balanced);
  const states = (made: MadeRow, rows: BiasRows, edit: PooledEdit): ArrayLike<number> =>
    made.rows ? rows.x_ND : editedStates(problem, rows, edit);
  const all = Array.from({ length: seeds.probes }, (_, s) => s);

  const train = async (rows: BiasRows, x_ND: ArrayLike<number>, width: number): Promise<LinearProbe[]> => {
    const probes: LinearProbe[] = [];
    for (const s of all) {
      const kept = keptRows(rows, seedStream(random, s));
      probes.push(fitStandardProbe(takeRows(x_ND, width, kept), pick(rows.outcome_N, kept), width));
      await giveWay(signal);
    }
    return probes;
  };
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => {
      made ??= make();
      return made;
    };
  };
  const given = once(() => train(own.train, own.train.x_ND, own.width));
  const onBalanced = once(() => train(own.oracleTrain, own.oracleTrain.x_ND, own.width));
  const measured = new Map<string, Promise<LeakageRuns>>();
  const keyOf = keyer();

  return {
    units,
    move: (made, edit) =>
      made.rows ? 0 : meanMove(balanced.x_ND, editedStates(problem, balanced, edit), problem.width),
    async classify(made, edit) {
      const rows = made.rows ?? own;
      const probes =
        made.classifier === 'given'
          ? await given()
          : made.classifier === 'oracle'
            ? await onBalanced()
            : await train(rows.train, states(made, rows.train, edit), rows.width);
      const tested = states(made, rows.balanced, edit);
      const logits = probes.map((probe) => logitsOf(probe, tested));
      return {
        right_RN: logits.map((logit) => rightOf(logit, balanced.outcome_N)),
        p_RN: logits.map((logit) => logit.map((value) => 1 / (1 + Math.exp(-value)))),
      };
    },
    leakage(made, edit, full) {
      const key = `${full}/${keyOf(made.rows ?? edit)}`;
      let runs = measured.get(key);
      if (!runs) {
        const rows = made.rows ?? own;
        runs = leakageRuns(
          {
            train: rows.oracleTrain,
            test: rows.balanced,
            width: rows.width,
            x_ND: states(made, rows.oracleTrain, edit),
            y_MD: states(made, rows.balanced, edit),
            units,
          },
          full ? all : all.slice(0, seeds.curve),
          full,
          random,
          signal,
        );
        measured.set(key, runs);
      }
      return runs;
    },
  };
}

interface LeakageInput {
  readonly train: BiasRows;
  readonly test: BiasRows;
  readonly width: number;
  readonly x_ND: ArrayLike<number>;
  readonly y_MD: ArrayLike<number>;
  readonly units: Units;
}

/** Probes for the protected attribute, trained on edited balanced rows, on edited test rows. */
export async function leakageRuns(
  { train, test, width, x_ND, y_MD, units }: LeakageInput,
  seeds: readonly number[],
  full: boolean,
  random: Random,
  signal?: AbortSignal,
): Promise<LeakageRuns> {
  const runs = { linear: [] as RightCounts[], mlp: [] as RightCounts[], knn: [] as RightCounts[] };
  const near = full ? neighbours(x_ND, y_MD, width) : undefined;
  const count = (logits: ArrayLike<number>): RightCounts =>
    rightCounts(test, units, rightOf(logits, test.protected_N));
  for (const s of seeds) {
    const kept = keptRows(train, seedStream(random, s));
    const [x, labels] = [takeRows(x_ND, width, kept), pick(train.protected_N, kept)];
    runs.linear.push(count(logitsOf(fitStandardProbe(x, labels, width), y_MD)));
    if (near) {
      runs.mlp.push(count(mlpLogits(fitMlp(x, labels, width, seedStream(random, s).fork('mlp')), y_MD)));
      const mask = new Uint8Array(train.ids.length);
      for (const n of kept) mask[n] = 1;
      runs.knn.push(count(knnLogits(near, train.protected_N, mask)));
    }
    await giveWay(signal);
  }
  return runs;
}

/** The stream of a seed: the same persons for every method, so that differences between methods are in pairs. */
const seedStream = (random: Random, seed: number): Random => random.fork(`probe/${seed}`);

/** Rows of a random `SEED_SHARE` of the persons; every group of the rows keeps at least one. */
function keptRows(rows: BiasRows, random: Random): number[] {
  const persons = [...new Set(rows.ids)];
  const kept = new Set(
    random.shuffle(persons).slice(0, Math.max(1, Math.round(SEED_SHARE * persons.length))),
  );
  const numbers = rows.ids.flatMap((id, n) => (kept.has(id) ? [n] : []));
  const both = (labels: Uint8Array) => new Set(numbers.map((n) => labels[n])).size === 2;
  // Few rows can lose a value by chance; then all of them are used.
  return both(rows.outcome_N) && both(rows.protected_N) ? numbers : rows.ids.map((_, n) => n);
}

const pick = (labels_N: Uint8Array, numbers: readonly number[]): Uint8Array =>
  Uint8Array.from(numbers, (n) => labels_N[n]!);

/** Names for edits: equal strengths have equal names; other objects have one each. */
export function keyer(): (value: PooledEdit | OtherRows) => string {
  const names = new WeakMap<object, number>();
  let next = 0;
  const nameOf = (value: object): number => {
    const known = names.get(value);
    if (known !== undefined) return known;
    names.set(value, next);
    return next++;
  };
  return (value) => {
    if (!('kind' in value)) return `rows/${nameOf(value)}`;
    switch (value.kind) {
      case 'none':
        return 'none';
      case 'strengths':
        return value.features
          .map((feature, i) => `${feature}:${value.alpha[i]}`)
          .filter((part) => !part.endsWith(':1'))
          .sort()
          .join(',');
      case 'eraser':
        return `eraser/${nameOf(value.eraser)}/${value.strength}`;
      case 'coordinates':
        return `coordinates/${value.coordinates.join(',')}/${value.strength}`;
    }
  };
}

/** A null: the leakage probes and the classifier on labels that were shuffled among the rows they are trained on. */
export async function nullRuns(
  problem: BiasProblem,
  seeds: SeedCounts,
  random: Random,
  signal?: AbortSignal,
): Promise<{ readonly leakage: LeakageRuns; readonly field: readonly RightCounts[] }> {
  const { oracleTrain, balanced, train, width } = problem;
  const shuffled = (labels: Uint8Array, name: string): Uint8Array =>
    Uint8Array.from(random.fork(name).shuffle(Array.from(labels)));
  const units = unitsOf(balanced);
  const all = Array.from({ length: seeds.probes }, (_, s) => s);
  const leakage = { linear: [] as RightCounts[], mlp: [] as RightCounts[], knn: [] as RightCounts[] };
  const field: RightCounts[] = [];
  for (const s of all) {
    // Every seed shuffles anew: one shuffle may go with the truth by chance.
    const one = await leakageRuns(
      {
        train: { ...oracleTrain, protected_N: shuffled(oracleTrain.protected_N, `null/protected/${s}`) },
        test: balanced,
        width,
        x_ND: oracleTrain.x_ND,
        y_MD: balanced.x_ND,
        units,
      },
      [s],
      true,
      random,
      signal,
    );
    leakage.linear.push(...one.linear);
    leakage.mlp.push(...one.mlp);
    leakage.knn.push(...one.knn);
    const labels = shuffled(train.outcome_N, `null/outcome/${s}`);
    const kept = keptRows(train, seedStream(random, s));
    const probe = fitStandardProbe(takeRows(train.x_ND, width, kept), pick(labels, kept), width);
    field.push(rightCounts(balanced, units, rightOf(logitsOf(probe, balanced.x_ND), balanced.outcome_N)));
  }
  return { leakage, field };
}
