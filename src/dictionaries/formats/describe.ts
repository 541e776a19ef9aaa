/** @file A dictionary at a glance: what it is, where it reads, how large it is, how many features are active. */
import { activeLimit, type Dictionary, outputWidth } from '../types.ts';
import { rowNorms } from './format.ts';
import type { Opened } from './open.ts';
import { meanActive } from './sparsity.ts';

export interface DictionaryDescription {
  readonly architecture: Dictionary['architecture'];
  readonly activation: Dictionary['activation']['kind'];
  readonly site: string;
  readonly output?: Dictionary['output'];
  readonly sites?: Dictionary['sites'];
  readonly width: number;
  readonly outputWidth: number;
  readonly features: number;
  /** Features active at once, at most, where the activation fixes that. */
  readonly k?: number;
  /** How many are active on average, where the files say how often each was. */
  readonly l0?: number;
  /** Features that were never active, where the files say it. */
  readonly never?: number;
  /** Least and largest threshold. */
  readonly thresholds?: readonly [number, number];
  /** Shortest and longest decoder row: at [1, 1] features are lengths, else they are in units of their rows. */
  readonly decoderNorms: readonly [number, number];
  readonly skip: boolean;
  readonly rowNorm?: number;
  readonly rowCentred?: true;
  readonly format: string;
  readonly source?: string;
  readonly commit?: string;
  readonly model?: string;
  /** '' while it is not known which model's activations it reads. */
  readonly modelHash: string;
  readonly notes: readonly string[];
}

/** What `untangle dictionaries show` tells. */
export function describeDictionary({ dictionary: d, provenance }: Opened): DictionaryDescription {
  const { sparsity_F, ...origin } = provenance;
  const range = (values: ArrayLike<number>): [number, number] => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]!);
      high = Math.max(high, values[i]!);
    }
    return [low, high];
  };
  const k = activeLimit(d);
  return {
    architecture: d.architecture,
    activation: d.activation.kind,
    site: d.site,
    ...(d.output && { output: d.output }),
    ...(d.sites && { sites: d.sites }),
    width: d.width,
    outputWidth: outputWidth(d),
    features: d.features,
    ...(k === undefined ? {} : { k }),
    ...(sparsity_F && { l0: meanActive(sparsity_F), never: sparsity_F.filter((log) => log <= -9.99).length }),
    ...(d.activation.kind === 'threshold' && { thresholds: range(d.activation.threshold_F) }),
    decoderNorms: range(rowNorms(d.W_dec_FD, d.features)),
    skip: d.W_skip_ED !== undefined,
    ...(d.rowNorm === undefined ? {} : { rowNorm: d.rowNorm }),
    ...(d.rowCentred && { rowCentred: d.rowCentred }),
    ...origin,
    modelHash: d.modelHash,
  };
}
