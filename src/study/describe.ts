/** @file What a finished step found, in half a line: the same words on the terminal and in the Studio. */
import type { CircuitResult } from '../circuits/types.ts';
import type { Estimate } from '../core/statistics.ts';
import type { DictionaryResult } from '../dictionaries/types.ts';
import type { EditResult } from '../edits/types.ts';
import type { ConceptResult } from '../energy/concept/types.ts';
import type { EnergyResult } from '../energy/types.ts';
import { fixed, percent } from '../pictures/scale.ts';
import type { StudySequence, TaskFlow } from './energy/types.ts';
import type { LeftOut, ModelSummary, SweepResult, TextSummary } from './results.ts';

const thousands = (n: number): string => Math.round(n).toLocaleString('en-US');

/** `0.62 (0.54 to 0.69)`. */
const withInterval = ({ value, low, high }: Estimate, digits = 2): string =>
  `${value.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;

const describers: Readonly<Record<string, (result: never) => string>> = {
  model: ({ summary }: { summary: ModelSummary }) =>
    `${summary.name}, ${thousands(summary.parameters / 1e6)} M parameters, ${summary.logits.ioiCorrect} of ${summary.logits.of} IOI prompts right`,
  text: (text: TextSummary) =>
    `${thousands(text.documents)} documents, ${thousands(text.trainTokens)} tokens to train, ${thousands(text.heldOutTokens)} held out`,
  harvest: ({ leftOut }: { leftOut: readonly LeftOut[] }) =>
    `${leftOut.length} sites; attention sinks left out: ${(100 * Math.max(0, ...leftOut.map((one) => one.share))).toFixed(2)} % of positions at most`,
  import: () => 'taken as it is',
  train: ({ tokensPerSecond }: { tokensPerSecond: number }) => `${thousands(tokensPerSecond)} tokens/s`,
  features: ({ features, passages }: { features: number; passages: number }) =>
    `${thousands(features)} features, ${thousands(passages)} passages`,
  evaluate: (d: DictionaryResult) =>
    `FVE ${fixed(d.fve, 3)}, L0 ${fixed(d.l0, 1)}, cross-entropy recovered ${fixed(d.ceRecovered, 3)}, dead ${percent(d.dead, 1)}`,
  sweep: ({ rows }: SweepResult) =>
    rows.map((row) => `${row.name}: FVE ${fixed(row.fve, 3)} at L0 ${fixed(row.l0, 1)}`).join('; '),
  circuit: (c: CircuitResult) =>
    `${c.curve[c.chosen]?.nodes ?? c.nodes.length} nodes, faithfulness ${withInterval(c.faithfulness)}, random ${withInterval(c.random)}`,
  energy: (e: EnergyResult) =>
    `costate spread ${e.costate.spread.toExponential(1)}, median leak ${(100 * e.leak).toFixed(1)} %`,
  flow: ({ flow, missing }: TaskFlow) =>
    flow
      ? `${flow.flows.length} flows between ${flow.cuts.length} cuts, leak ${(100 * flow.leak).toFixed(1)} %, imbalance ${flow.imbalance.toExponential(1)}`
      : `none: ${missing}`,
  sequence: ({ report, missing }: StudySequence) => {
    const [table] = report?.clock.tables ?? [];
    return table
      ? `median drift ${table.medianDrift.toFixed(2)}, with V permuted in time ${table.medianNullDrift.toFixed(2)}`
      : `none: ${missing}`;
  },
  concept: ({ name, value, unit, series, features, motion }: ConceptResult) => {
    const of = unit ? ` ${unit}` : '';
    if (value !== undefined) return `${name}: ${value.toPrecision(3)}${of}`;
    if (series) {
      const [low, high] = [Math.min(...series.values), Math.max(...series.values)];
      return `${name}: ${low.toPrecision(3)} to ${high.toPrecision(3)}${of} over ${series.over}`;
    }
    if (motion) return `${name}: ${motion.times.length} times, drift of H ${motion.drift?.toFixed(2) ?? '–'}`;
    return `${name}: ${features?.length ?? 0} features`;
  },
  edit: (e: EditResult) => {
    const rows = e.rows.filter((row) => row.method === 'features');
    const row = rows.find((one) => one.strength === 1) ?? rows[0];
    return row
      ? `bias ${row.biasBefore.toFixed(2)} → ${withInterval(row.biasAfter)}, KL ${withInterval(row.kl, 3)}`
      : 'nothing edited';
  },
};

/** Half a line about the result of the step `name`; '' for steps that have nothing to tell. */
export function describeResult(name: string, result: unknown): string {
  const describe = describers[name.split('/')[0] ?? ''];
  return describe ? describe(result as never) : '';
}
