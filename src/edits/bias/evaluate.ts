/** @file Measures edits: classifiers and leakage probes of every seed on edited rows. */
import type { LinearProbe } from '../../activations/probe.ts';
import { fitStandardProbe } from '../../activations/probes/standard.ts';
import { giveWay } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { editedStates, meanMove, takeRows } from './apply.ts';
import { keyer } from './keyer.ts';
import { keptRows, type LeakageRuns, leakageRuns, pick, seedStream } from './leakage.ts';
import type { BiasProblem, BiasRows, PooledEdit } from './problem.ts';
import type { MadeRow, OtherRows } from './rows/types.ts';
import { rightOf, type Units, unitsOf } from './runs.ts';
import { logitsOf } from './selection.ts';

export interface SeedCounts {
  /** Seeds of the classifier, and of every leakage probe at the full edit. */
  readonly probes: number;
  /** Seeds of the linear leakage probe at the other points of a curve. */
  readonly curve: number;
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
  const { width, train, balanced, oracleTrain } = problem;
  const own: OtherRows = { width, train, balanced, oracleTrain };
  const units = unitsOf(balanced);
  const all = Array.from({ length: seeds.probes }, (_, s) => s);
  const classifiers = trainedOnce(own, seeds.probes, random, signal);
  const measured = new Map<string, Promise<LeakageRuns>>();
  const keyOf = keyer();
  return {
    units,
    move: (made, edit) =>
      made.rows ? 0 : meanMove(balanced.x_ND, editedStates(problem, balanced, edit), width),
    async classify(made, edit) {
      const rows = made.rows ?? own;
      const probes = await classifiers(made, () => states(problem, made, rows.train, edit));
      const tested = states(problem, made, rows.balanced, edit);
      const logits = probes.map((probe) => logitsOf(probe, tested));
      return {
        right_RN: logits.map((logit) => rightOf(logit, balanced.outcome_N)),
        p_RN: logits.map((logit) => logit.map((value) => 1 / (1 + Math.exp(-value)))),
      };
    },
    leakage(made, edit, full) {
      const rows = made.rows ?? own;
      const key = `${full}/${keyOf(made.rows ?? edit)}`;
      const found =
        measured.get(key) ??
        leakageRuns(
          {
            train: rows.oracleTrain,
            test: rows.balanced,
            width: rows.width,
            x_ND: states(problem, made, rows.oracleTrain, edit),
            y_MD: states(problem, made, rows.balanced, edit),
            units,
          },
          full ? all : all.slice(0, seeds.curve),
          full,
          random,
          signal,
        );
      measured.set(key, found);
      return found;
    },
  };
}

/** Rows as a method leaves them: of its own, or the problem's under the edit. */
const states = (problem: BiasProblem, made: MadeRow, rows: BiasRows, edit: PooledEdit): ArrayLike<number> =>
  made.rows ? rows.x_ND : editedStates(problem, rows, edit);

/** The classifiers of a method: those trained before any edit once for all methods, others on the rows that are given. */
function trainedOnce(own: OtherRows, count: number, random: Random, signal: AbortSignal | undefined) {
  const train = async (rows: BiasRows, x_ND: ArrayLike<number>, width: number): Promise<LinearProbe[]> => {
    const probes: LinearProbe[] = [];
    for (let s = 0; s < count; s++) {
      const kept = keptRows(rows, seedStream(random, s));
      probes.push(fitStandardProbe(takeRows(x_ND, width, kept), pick(rows.outcome_N, kept), width));
      await giveWay(signal);
    }
    return probes;
  };
  let given: Promise<LinearProbe[]> | undefined;
  let onBalanced: Promise<LinearProbe[]> | undefined;
  return ({ classifier, rows = own }: MadeRow, edited: () => ArrayLike<number>): Promise<LinearProbe[]> => {
    switch (classifier) {
      case 'given':
        given ??= train(own.train, own.train.x_ND, own.width);
        return given;
      case 'oracle':
        onBalanced ??= train(own.oracleTrain, own.oracleTrain.x_ND, own.width);
        return onBalanced;
      case 'retrained':
        return train(rows.train, edited(), rows.width);
    }
  };
}
