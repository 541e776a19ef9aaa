/** @file From the metrics of every condition to the rows that are shown: intervals over held-out examples. */
import { meanOfRuns } from '../circuits/scores.ts';
import type { Random } from '../core/random.ts';
import { mean } from '../core/statistics.ts';
import type { Task } from '../data/tasks.ts';
import type { Condition } from './conditions.ts';
import type { TextFigures } from './measure.ts';
import type { EditPrompts } from './occupations.ts';
import { byOccupation, meanWithInterval, occupationCorrelation, pairBias } from './scores.ts';
import type { EditedFeature, EditMethod, EditResult, EditRow, OccupationRow } from './types.ts';

/** What one edit gave, per held-out example. */
export interface ConditionFigures {
  readonly condition: Condition;
  readonly text: TextFigures;
  readonly clean_B: Float64Array;
  readonly patch_B: Float64Array;
  readonly other_B: Float64Array;
  readonly occupations_B: Float64Array;
}

/** Condition figures with the draws of a random edit averaged example by example. */
interface Row {
  readonly method: EditMethod | 'none';
  readonly strength: number;
  readonly deltaX: number;
  readonly deltaXText: number;
  readonly draws: number;
  readonly bias_B: readonly number[];
  /** Share of draws in which each example of the other task is right. */
  readonly right_B: readonly number[];
  readonly occupations_B: Float64Array;
  readonly kl_W: readonly number[];
  readonly loss_W: readonly number[];
}

/** Puts the result together. */
export function assembleResult(input: {
  task: Task;
  features: readonly EditedFeature[];
  figures: readonly ConditionFigures[];
  prompts: EditPrompts;
  windows: readonly Int32Array[];
  random: Random;
}): EditResult {
  const { task, features, figures, prompts, windows, random } = input;
  const rows = mergeDraws(figures);
  const before = rows.find((row) => row.method === 'none')!;
  const occupationsOf = (row: Row) =>
    byOccupation(
      (prompts.occupations?.of ?? []).map((o, i) => ({
        occupation: o.name,
        percentWomen: o.percentWomen,
        logOdds: row.occupations_B[i]!,
      })),
    );
  const estimates = (row: Row) => {
    const name = `${row.method}@${row.strength}`;
    return {
      bias: meanWithInterval(row.bias_B, random.fork(`${name}/bias`)),
      agreement: meanWithInterval(row.right_B, random.fork(`${name}/agreement`)),
      perplexity: Math.exp(mean([...row.loss_W])),
      correlation: occupationCorrelation(occupationsOf(row)),
    };
  };
  const baseline = estimates(before);
  const edited = rows.filter((row): row is Row & { method: EditMethod } => row.method !== 'none');
  return {
    task: task.name,
    features,
    rows: edited.map((row): EditRow => {
      const after = estimates(row);
      return {
        method: row.method,
        strength: row.strength,
        deltaX: row.deltaX,
        deltaXText: row.deltaXText,
        biasBefore: baseline.bias.value,
        biasAfter: after.bias,
        biasChange: meanWithInterval(
          row.bias_B.map((b, i) => b - before.bias_B[i]!),
          random.fork(`${row.method}@${row.strength}/change`),
        ),
        ...beyondRandom(row, edited, random),
        agreementBefore: baseline.agreement.value,
        agreementAfter: after.agreement,
        kl: meanWithInterval(row.kl_W, random.fork(`${row.method}@${row.strength}/kl`)),
        perplexity: after.perplexity,
        correlation: after.correlation,
        draws: row.draws,
      };
    }),
    baseline,
    occupations: occupationRows(before, edited, occupationsOf),
    counts: {
      pairs: prompts.pairs.examples,
      agreement: prompts.other?.examples ?? 0,
      textTokens: windows.reduce((sum, w) => sum + w.length - 1, 0),
    },
  };
}

/** The paired comparison of an edit with the random edit of its strength. */
function beyondRandom(row: Row, edited: readonly Row[], random: Random): Pick<EditRow, 'beyondRandom'> {
  const chance = edited.find((other) => other.method === 'random' && other.strength === row.strength);
  if (row.method === 'random' || !chance) return {};
  const differences = chance.bias_B.map((bias, b) => bias - row.bias_B[b]!);
  return { beyondRandom: meanWithInterval(differences, random.fork(`${row.method}@${row.strength}/paired`)) };
}

function occupationRows(
  before: Row,
  edited: readonly Row[],
  occupationsOf: (row: Row) => ReturnType<typeof byOccupation>,
): OccupationRow[] {
  const after = edited.map((row) => ({ name: `${row.method}@${row.strength}`, scores: occupationsOf(row) }));
  return occupationsOf(before).map(({ occupation, percentWomen, logOdds }, i) => ({
    occupation,
    percentWomen,
    before: logOdds,
    after: Object.fromEntries(after.map(({ name, scores }) => [name, scores[i]!.logOdds])),
  }));
}

/** One row per method and strength. */
function mergeDraws(figures: readonly ConditionFigures[]): Row[] {
  const groups = new Map<string, ConditionFigures[]>();
  for (const figure of figures) {
    const key = `${figure.condition.method}@${figure.condition.strength}`;
    groups.set(key, [...(groups.get(key) ?? []), figure]);
  }
  return [...groups.values()].map((group) => {
    const average = (pick: (f: ConditionFigures) => ArrayLike<number>) => meanOfRuns(group.map(pick));
    const [{ condition }] = group as [ConditionFigures];
    return {
      method: condition.method,
      strength: condition.strength,
      deltaX: mean(group.map((f) => f.condition.deltaX)),
      deltaXText: mean(group.map((f) => f.condition.deltaXText)),
      draws: group.length,
      bias_B: [...average((f) => pairBias(f.clean_B, f.patch_B))],
      right_B: [...average((f) => f.other_B.map((m) => (m > 0 ? 1 : 0)))],
      occupations_B: group[0]!.occupations_B,
      kl_W: [...average((f) => f.text.kl_W)],
      loss_W: [...average((f) => f.text.loss_W)],
    };
  });
}
