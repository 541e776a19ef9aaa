/** @file What a training run does, every choice made: plain data that both engines and their threads read. */
import type { Provider } from '../runtime/options.ts';
import type { DictionaryOptions, TrainedArchitecture } from './config-schema.ts';
import type { Course } from './courses.ts';

/** Where training starts. */
export interface Start {
  /** Decoder rows: random directions, or rows of the data themselves (centred, chosen by the seed). */
  readonly from: 'random' | 'data';
  /** Length of decoder rows at the start. */
  readonly decoderNorm: number;
  /** Length of encoder rows at the start; the encoder has the decoder's directions. */
  readonly encoderNorm: number;
  /** b_dec: 0, the mean of the rows, or their geometric median (Weiszfeld; Bricken et al. 2023). */
  readonly bias: 'zero' | 'mean' | 'geometric-median';
}

/** How p of Σ f^p falls (Karvonen et al. 2024, "Measuring progress in dictionary learning", §4). */
export interface PowerCourse {
  readonly from: number;
  readonly to: number;
  /** First step of the fall; the last one is the end of training. */
  readonly start: number;
  /** How often p changes. */
  readonly updates: number;
  /** Steps over which the penalties of this p and of the next are averaged, so that λ keeps their ratio. */
  readonly queue: number;
  /** 'lp': (Σ f^p)^(1/p); 'lp^p': Σ f^p. */
  readonly form: 'lp' | 'lp^p';
}

/** The update rule; the rate's course is the plan's. */
export type OptimiserChoice = DictionaryOptions['optimiser'] & object;

/** How normalised rows are made of raw ones. */
export type Scaling = DictionaryOptions['normalise'] & string;

/** A training with every choice made. Plain data: a checkpoint's key is its hash. */
export interface TrainingPlan {
  readonly architecture: TrainedArchitecture;
  /** How training makes a code of pre-activations. */
  readonly activation: 'relu' | 'gated' | 'topk' | 'batchtopk' | 'jumprelu' | 'pursuit';
  readonly site: string;
  /** What a transcoder predicts. */
  readonly outputSite?: string;
  readonly modelHash: string;
  readonly sinkNorm: number;
  /** D, floats that are read. */
  readonly width: number;
  /** E, floats that are predicted; D unless a transcoder. */
  readonly outputWidth: number;
  /** Widths of the sites that a crosscoder's rows are made of; one entry for all others. */
  readonly blocks: readonly number[];
  /** F. */
  readonly features: number;
  readonly seed: number;
  /** Rows of a step. */
  readonly batch: number;
  /** Rows seen in all. */
  readonly tokens: number;
  readonly steps: number;
  /** Active features a row over the steps (rounded), for kinds that fix them. */
  readonly k: Course;
  /** Active features a row of the finished dictionary. */
  readonly kFinal: number;
  /** Whether top-k compares f_i‖d_i‖ in place of f_i (SAELens' rescale_acts_by_decoder_norm). */
  readonly byDecoderNorm: boolean;
  /** Ends of the nested groups of features (Matryoshka), the last one F. */
  readonly groups: readonly number[];
  /** Weight of each group's reconstruction loss. */
  readonly groupWeights: readonly number[];
  readonly rate: Course;
  /** λ, weight of the sparsity penalty. */
  readonly penalty: Course;
  /** Of Σ f_i c_i: c_i = 1, or the length of decoder row i (summed over the sites of a crosscoder). */
  readonly penaltyForm: 'unit' | 'decoder-norm';
  /** λ·L0, or λ(L0/target − 1)² (JumpReLU). */
  readonly l0Form: 'linear' | 'quadratic';
  readonly power?: PowerCourse;
  /** λ is controlled so that the mean number of active features becomes this. */
  readonly targetL0?: number;
  /** d log λ a step, for a relative error of 1 (controller). */
  readonly gain: number;
  readonly optimiser: OptimiserChoice;
  /** Global norm that gradients are clipped to; Infinity switches it off. */
  readonly clip: number;
  /** Decoder rows kept at norm 1, their gradients projected; or free. */
  readonly decoderNorm: 'unit' | 'free';
  /** Whether the encoder reads x − b_dec. */
  readonly preBias: boolean;
  readonly normalise: Scaling;
  readonly start: Start;
  /** Weight of the auxiliary loss; 0 switches it off. */
  readonly auxiliary: number;
  /**
   * On dead features: 'scaled' divides by the residual's variance (Gao et al. 2024, A.2), 'plain' multiplies by
   * min(dead/(D/2), 1) (SAELens). Gated: the gate's own reconstruction, decoder held ('scaled') or not ('plain').
   */
  readonly auxiliaryForm: 'scaled' | 'plain';
  /** Rows without being active after which a feature counts as dead. */
  readonly deadAfter: number;
  readonly resample?: { readonly every: number; readonly until: number; readonly silentFor: number };
  /** JumpReLU: threshold at the start, and width ε of the kernel that stands for its derivative, in normalised units. */
  readonly threshold: number;
  readonly bandwidth: number;
  /** BatchTopK: share of the old threshold that a step keeps, and the first step that counts. */
  readonly thresholdKept: number;
  readonly thresholdFrom: number;
  /** Weight of the interference potential (mechanics.md §4); 0 switches it off. */
  readonly interference: number;
  /** Curve points without a better held-out FVE after which training stops. */
  readonly patience?: number;
  /** How active features are found by the fused engine. */
  readonly encoder: 'exact' | 'screened';
  /** Where the encoder product of the fused engine runs. */
  readonly provider: Provider;
}

/** Why the fused engine cannot train a plan; undefined when it can. */
export function fusedReason(plan: TrainingPlan): string | undefined {
  const { activation, architecture, optimiser, power } = plan;
  if (activation === 'pursuit') return 'matching pursuit has no encoder product';
  if (architecture === 'transcoder' || architecture === 'skip-transcoder' || architecture === 'crosscoder')
    return `a ${architecture} predicts other rows than it reads, or weighs its sites`;
  if (optimiser.name !== 'adam') return `its optimiser is ${optimiser.name}`;
  if (plan.interference > 0) return 'it has an interference potential';
  if (plan.resample) return 'it resamples dead features';
  if (plan.byDecoderNorm) return 'features compete by their decoder norm';
  if (plan.normalise === 'constant-norm') return 'every row is scaled by itself';
  if (plan.auxiliary > 0 && plan.auxiliaryForm === 'plain') return 'its auxiliary loss is SAELens’';
  if (power && power.form === 'lp') return 'its penalty is (Σ f^p)^(1/p)';
  if (plan.groups.length > 1 && !(plan.groupWeights.at(-1)! > 0)) return 'its last group has no weight';
  return undefined;
}

/** Kinds that predict another site than they read. */
export const isTranscoder = (architecture: TrainedArchitecture): boolean =>
  architecture === 'transcoder' || architecture === 'skip-transcoder';

/** k at a step. */
export const kAt = (plan: TrainingPlan, step: number, at: (c: Course, s: number, n: number) => number) =>
  Math.min(plan.features, Math.max(1, Math.round(at(plan.k, step, plan.steps))));
