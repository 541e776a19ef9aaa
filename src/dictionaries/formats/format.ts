/** @file What a file format of dictionaries is: where one lies among files, how it is read, how it is written. */
import { DictionaryError } from '../../core/errors.ts';
import { type Architecture, kinds } from '../kinds/registry.ts';
import { type Activation, type Dictionary, type Floats, outputWidth } from '../types.ts';

/** A dictionary among the files of a folder or repository. */
export interface Entry {
  /** Its folder, or its file where one folder holds several; '' for the folder itself. How a user names it. */
  readonly path: string;
  /** All that is needed to read it, and what is read where it is there. */
  readonly files: readonly string[];
}

/** What a user may say that files do not. */
export interface ReadOptions {
  /** Where it reads; takes the place of what the files say. */
  readonly site?: string;
  /** Where it writes, of transcoders. */
  readonly output?: string;
  /** Factor that activations were multiplied by in training, where the files do not hold it. */
  readonly scale?: number;
  /** Layer that a cross-layer transcoder writes to; its own by default. */
  readonly target?: number;
}

/** What is known of a dictionary that somebody else made. */
export interface Origin {
  readonly model?: string;
  /** What a reader should know: what was folded, what differs from other ways of reading it. */
  readonly notes: readonly string[];
  /** log10 of how often each feature was active in training, where the files say it. */
  readonly sparsity_F?: Floats;
}

/** A dictionary whose site may not be known yet. */
export type Reading = Origin & { readonly weights: Foreign };

/** What a writer may say beside the weights. */
export interface WriteOptions {
  /** The model's name, as its makers give it. */
  readonly model?: string;
  readonly sparsity_F?: Floats;
  /** ae.safetensors in place of ae.pt, of dictionary_learning. */
  readonly safetensors?: boolean;
}

export interface Format {
  /** As its makers call it. */
  readonly title: string;
  /** Dictionaries among these files, by names alone. */
  find(paths: readonly string[]): Entry[];
  /**
   * @throws DictionaryError `dictionary.tensors`, `dictionary.orientation`, `dictionary.unsupported`,
   *   `dictionary.no-threshold`; FileError of its files
   */
  read(folder: string, entry: Entry, options: ReadOptions): Promise<Reading>;
  /** Writes into `folder` (made when missing). @throws DictionaryError `dictionary.unsupported` */
  write(folder: string, d: Dictionary, options: WriteOptions): Promise<void>;
}

/** A dictionary as a file has it, in our orientation, before anything is folded. */
export interface Foreign {
  readonly architecture: Architecture;
  readonly activation: Activation;
  readonly width: number;
  readonly features: number;
  readonly W_enc_FD: Floats;
  /** Of a gated one the gate's. */
  readonly b_enc_F: Floats;
  readonly W_dec_FD: Floats;
  readonly b_dec_D: Floats;
  readonly W_skip_ED?: Floats;
  readonly site?: string;
  readonly output?: { readonly site?: string; readonly width: number };
  readonly rowNorm?: number;
  readonly rowCentred?: true;
  /** Whether the encoder reads x − b_dec. */
  readonly centred: boolean;
  /** x was multiplied by it before it was encoded; what is decoded is divided by it. */
  readonly scale?: number;
  /** Whether features are counted as lengths ‖d_i‖ f_i: decoder norms go into the encoder. A threshold is in these units. */
  readonly byDecoderNorm?: boolean;
}

/** The folder, with its slash, of a path whose file is called `name`; undefined for other paths. */
export function folderOf(path: string, name: string): string | undefined {
  if (path === name) return '';
  return path.endsWith(`/${name}`) ? path.slice(0, -name.length) : undefined;
}

/** Something that a format or Untangle has no place for. */
export const unsupported = (where: string, what: string, hint: string): DictionaryError =>
  new DictionaryError('dictionary.unsupported', what, { where, hint });

/**
 * A BatchTopK whose threshold is not above 0, as it is before training sets it: every positive pre-activation would pass,
 * as in a ReLU dictionary.
 */
export const noThreshold = (where: string, threshold: number): DictionaryError =>
  new DictionaryError(
    'dictionary.no-threshold',
    `${where} is a BatchTopK whose threshold was never set (${threshold})`,
    {
      where,
      hint: 'without it every positive pre-activation would count, as in a ReLU dictionary: train it further (in dictionary_learning past threshold_start_step) and save it again',
    },
  );

/**
 * The dictionary for raw activations: scale, decoder norms and the centring by b_dec are folded into the weights, in
 * float64. x̂ and, but for the scale of `rowNorm`, features are those of the file.
 * @throws DictionaryError `dictionary.site-unknown`, `dictionary.not-finite`, `dictionary.unsupported`
 */
export function fold(foreign: Foreign, where: string, { site, output, scale }: ReadOptions): Dictionary {
  const { architecture, width, features, rowNorm, rowCentred, W_skip_ED } = foreign;
  const reads = site ?? foreign.site;
  if (reads === undefined) throw noSite(where, 'it reads', '--site');
  const writes = foreign.output && (output ?? foreign.output.site);
  if (foreign.output && writes === undefined) throw noSite(where, 'it predicts', '--output-site');
  if (!(kinds[architecture].activations as readonly string[]).includes(foreign.activation.kind)) {
    throw unsupported(
      where,
      `${where} is a ${architecture} with the activation ${foreign.activation.kind}`,
      'Untangle has no such kind of dictionary',
    );
  }
  const folded = centred(byNorm(scaled(foreign, scale ?? foreign.scale ?? 1)));
  checkFinite(folded, where);
  return {
    architecture,
    activation: folded.activation,
    site: reads,
    ...(foreign.output && { output: { site: writes!, width: foreign.output.width } }),
    modelHash: '',
    width,
    features,
    W_enc_FD: folded.W_enc_FD,
    b_enc_F: folded.b_enc_F,
    W_dec_FD: folded.W_dec_FD,
    b_dec_D: folded.b_dec_D,
    ...(W_skip_ED && { W_skip_ED }),
    ...(rowNorm !== undefined && { rowNorm }),
    ...(rowCentred && { rowCentred }),
    sinkNorm: Number.POSITIVE_INFINITY,
  };
}

const noSite = (where: string, does: string, option: string): DictionaryError =>
  new DictionaryError('dictionary.site-unknown', `${where} does not say which site ${does}`, {
    where,
    hint: `say it: ${option} blocks.3.hook_resid_post`,
  });

/**
 * For x·s as input: W_enc·s, W_dec/s, b_dec/s; a threshold on lengths shrinks with the decoder. A pursuit takes the same
 * steps at any scale: its rows stay, and its features are in units of x.
 */
function scaled(f: Foreign, s: number): Foreign {
  if (s === 1) return f;
  const { activation } = f;
  if (activation.kind === 'pursuit') return { ...f, b_dec_D: f.b_dec_D.map((b) => b / s) };
  return {
    ...f,
    W_enc_FD: f.W_enc_FD.map((w) => w * s),
    W_dec_FD: f.W_dec_FD.map((w) => w / s),
    b_dec_D: f.b_dec_D.map((b) => b / s),
    activation:
      activation.kind === 'threshold' && f.byDecoderNorm
        ? { kind: 'threshold', threshold_F: activation.threshold_F.map((t) => t / s) }
        : activation,
  };
}

/** Decoder rows of norm 1, their norms in the encoder. Rows of zeros stay as they are. */
function byNorm(f: Foreign): Foreign {
  if (!f.byDecoderNorm) return f;
  const norms = rowNorms(f.W_dec_FD, f.features).map((n) => n || 1);
  const E = f.W_dec_FD.length / f.features;
  const { activation } = f;
  return {
    ...f,
    W_enc_FD: f.W_enc_FD.map((w, i) => w * norms[Math.floor(i / f.width)]!),
    b_enc_F: f.b_enc_F.map((b, i) => b * norms[i]!),
    W_dec_FD: f.W_dec_FD.map((w, i) => w / norms[Math.floor(i / E)]!),
    activation:
      activation.kind === 'gated'
        ? { ...activation, b_mag_F: activation.b_mag_F.map((b, i) => b * norms[i]!) }
        : activation,
  };
}

/** For x itself as input where the encoder read x − b_dec: b_enc − W_enc·b_dec. */
function centred(f: Foreign): Foreign {
  return f.centred ? shifted(f, -1) : f;
}

/**
 * The weights with W_enc·b_dec added to (or with sign −1 taken from) the encoder's biases: what an encoder that reads
 * x − b_dec needs, from one that reads x.
 */
export function shifted<
  T extends Pick<Foreign, 'activation' | 'W_enc_FD' | 'b_enc_F' | 'b_dec_D' | 'width' | 'features'>,
>(f: T, sign: 1 | -1): T {
  const shift_F = times(f.W_enc_FD, f.b_dec_D, f.features, f.width).map((v) => sign * v);
  const { activation } = f;
  return {
    ...f,
    b_enc_F: f.b_enc_F.map((b, i) => b + shift_F[i]!),
    activation:
      activation.kind === 'gated'
        ? {
            ...activation,
            b_mag_F: activation.b_mag_F.map((b, i) => b + Math.exp(activation.r_mag_F[i]!) * shift_F[i]!),
          }
        : activation,
  };
}

/** W·v in float64, [F]. */
function times(W_FD: Floats, v_D: Floats, F: number, D: number): Float64Array {
  const out = new Float64Array(F);
  for (let f = 0; f < F; f++) {
    let sum = 0;
    for (let j = 0; j < D; j++) sum += W_FD[f * D + j]! * v_D[j]!;
    out[f] = sum;
  }
  return out;
}

/** Length of each of `count` rows. */
export function rowNorms(W: Floats, count: number): Float64Array {
  const width = W.length / count;
  return Float64Array.from({ length: count }, (_, row) => {
    let square = 0;
    for (let j = row * width; j < (row + 1) * width; j++) square += W[j]! ** 2;
    return Math.sqrt(square);
  });
}

/** A threshold of infinity closes a feature for good; nothing else may be infinite. */
function checkFinite(f: Foreign, where: string): void {
  const { activation } = f;
  const arrays: Record<string, Floats | undefined> = {
    W_enc: f.W_enc_FD,
    b_enc: f.b_enc_F,
    W_dec: f.W_dec_FD,
    b_dec: f.b_dec_D,
    W_skip: f.W_skip_ED,
    ...(activation.kind === 'gated' ? { r_mag: activation.r_mag_F, b_mag: activation.b_mag_F } : {}),
  };
  const bad = Object.entries(arrays).find(([, values]) => values?.some((v) => !Number.isFinite(v)));
  const thresholds = activation.kind === 'threshold' && activation.threshold_F.some((t) => Number.isNaN(t));
  if (!bad && !thresholds) return;
  const name = bad ? bad[0] : 'threshold';
  throw new DictionaryError('dictionary.not-finite', `"${name}" of ${where} holds NaN or infinity`, {
    where,
    hint: 'the file is damaged, or its training diverged: take another one',
  });
}

/** One line on a dictionary, for messages of what a format cannot hold. */
export const described = (d: Dictionary): string =>
  `${kinds[d.architecture].label} (${d.activation.kind}) of ${d.features} features, ${d.width} to ${outputWidth(d)}`;
