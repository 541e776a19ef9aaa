/** @file Scores of a dictionary on held-out text: variance explained, L0, dead share, cross-entropy recovered. */
import { track, type WorkContext } from '../core/progress.ts';
import type { Graph } from '../graph/types.ts';
import { type CrossEntropies, crossEntropies, recovered } from './cross-entropy.ts';
import { decode, encoder } from './encoder.ts';
import { fractionOfVarianceExplained } from './fve.ts';
import { sparsity } from './sparsity.ts';
import type { TrainLog } from './train.ts';
import { activeLimit, type Dictionary, type DictionaryResult, inPlace } from './types.ts';

export interface EvaluationInput {
  readonly graph: Graph;
  readonly dictionary: Dictionary;
  /** Held-out rows [M, D], positions outside the dictionary's domain left out. */
  readonly heldOut_MD: Float32Array;
  /** Mean of the training rows, [D]: what the site is set to in mean ablation. */
  readonly mean_D: Float32Array;
  /** Held-out windows of equal length; the first `ceWindows` (32 by default) measure the cross-entropy. */
  readonly windows: readonly { readonly tokens: Int32Array }[];
  readonly ceWindows?: number;
}

/** Scores on held-out text. */
export interface Evaluation {
  readonly l0: number;
  readonly fve: number;
  /** Share of features that are active in no held-out row. */
  readonly dead: number;
  readonly ce: CrossEntropies;
  readonly ceRecovered: number;
}

/** Scores `dictionary`; the work is done on the calling thread and onnxruntime's. */
export async function evaluate(
  input: EvaluationInput,
  context: WorkContext & { readonly threads: number },
): Promise<Evaluation> {
  const { graph, dictionary, heldOut_MD, mean_D } = input;
  const { site, width } = inPlace(dictionary);
  const windows = input.windows.slice(0, input.ceWindows ?? 32);
  return track(
    context.progress,
    {
      task: `evaluate/${site}`,
      label: `Score the features of ${site}`,
      total: windows.length,
      unit: 'windows',
    },
    async (advance) => {
      const opened = await encoder(dictionary, context.threads);
      const code = await opened.encode(heldOut_MD).finally(() => opened.release());
      const fve = fractionOfVarianceExplained(heldOut_MD, decode(dictionary, code), width);
      const { l0, dead } = sparsity(code, dictionary.features);
      advance(0, { fve, l0, dead });
      const ce = await crossEntropies(graph, dictionary, mean_D, windows, {
        ...context,
        onWindows: (done) => advance(done, { fve, l0, dead }),
      });
      return { l0, fve, dead, ce, ceRecovered: recovered(ce) };
    },
  );
}

/** What results and Studio show of a trained and scored dictionary. */
export const dictionaryResult = (
  d: Dictionary,
  scores: Evaluation,
  log: Pick<TrainLog, 'tokensPerSecond' | 'tokensSeen' | 'curve'>,
): DictionaryResult => ({
  site: d.site,
  features: d.features,
  architecture: d.architecture,
  k: activeLimit(d) ?? Math.round(scores.l0),
  l0: scores.l0,
  fve: scores.fve,
  ceRecovered: scores.ceRecovered,
  ce: scores.ce,
  dead: scores.dead,
  tokensPerSecond: log.tokensPerSecond,
  tokensSeen: log.tokensSeen,
  curve: log.curve,
});
