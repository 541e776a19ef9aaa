/** @file The sequence clock of a dictionary on plain text: the table of its features, and the motion of the main ones in full. */
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Window } from '../../data/windows.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { textNetwork, textPairs } from '../../energy/importance/text-network.ts';
import { featureTrajectories, sequenceClock } from '../../energy/sequence/clock.ts';
import type { SequenceTrajectory } from '../../energy/sequence/types.ts';
import type { Model } from '../../models/types.ts';
import type { FeatureTrace, SequenceReport, TextTrace } from './types.ts';

export interface SequenceChoice {
  /** Predicted tokens of a text. */
  readonly length: number;
  /** Features whose motion is kept: these first, then those that count most. */
  readonly features: readonly number[];
  /** How many in all. */
  readonly shown: number;
  /** Rows of each table. */
  readonly rows: number;
  /** Texts that motions are kept over. */
  readonly texts: number;
  readonly seed: number;
  /** Whether first-order V is compared with runs. */
  readonly exact: boolean;
}

/** The clock on some windows of text. */
export async function sequenceOf(
  model: Model,
  dictionary: Dictionary,
  { source, windows }: { readonly source: string; readonly windows: readonly Pick<Window, 'tokens'>[] },
  { length, features, shown, rows, texts, seed, exact }: SequenceChoice,
  run: RunOptions,
): Promise<SequenceReport> {
  const begun = performance.now();
  const network = textNetwork(model);
  const read = { pairs: textPairs(windows, length), scale: length };
  const clock = await sequenceClock(
    network,
    dictionary,
    read,
    { seed, ...(exact ? { exact: {} } : {}) },
    run,
  );
  const main = clock.tables[0]?.features.map((row) => row.feature) ?? [];
  const kept = [...new Set([...features, ...main])].slice(0, Math.max(shown, features.length));
  const motions = await featureTrajectories(network, dictionary, read, { features: kept, texts }, run);
  return {
    ...{ model: model.name, text: source, length },
    clock: {
      ...clock,
      tables: clock.tables.map((table) => ({ ...table, features: table.features.slice(0, rows) })),
    },
    features: motions.map(traceOf),
    texts: windows
      .slice(0, texts)
      .map(({ tokens }) => Array.from(tokens.subarray(0, length), (id) => model.tokenizer.token(id))),
    seconds: (performance.now() - begun) / 1000,
  };
}

/** A motion cut where the text changes. */
function traceOf({
  feature,
  mass,
  text_K,
  position_K,
  q_KN,
  p_KN,
  kinetic_K,
  potential_K,
}: SequenceTrajectory): FeatureTrace {
  const traces: TextTrace[] = [...new Set(text_K)].map((text) => {
    const steps = Array.from(text_K.keys()).filter((k) => text_K[k] === text);
    const pick = (values: ArrayLike<number>) => steps.map((k) => values[k]!);
    return {
      ...{ text, positions: pick(position_K), q: pick(q_KN), p: pick(p_KN) },
      ...{ kinetic: pick(kinetic_K), potential: pick(potential_K) },
    };
  });
  return { feature, mass, traces };
}
