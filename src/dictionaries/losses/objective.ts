/** @file The loss of every kind as one graph: parameters, a batch and a few numbers in; loss and figures out. */
import type { DType, Tensor } from '../../core/tensor.ts';
import type { Graph } from '../../graph/types.ts';
import { isTranscoder, type TrainingPlan } from '../plan.ts';
import { pursuedInGraph, pursuitFeatures, pursuitInGraph } from '../pursuit.ts';
import {
  batchTopkCode,
  type Code,
  type CodeInputs,
  gatedCode,
  jumpReluCode,
  reluCode,
  topkCode,
} from './codes.ts';
import { deadAuxiliary, gateAuxiliary, interference, sparsity } from './penalties.ts';
import { type Terms, terms } from './terms.ts';

/** Parameters of a dictionary in training by name, in normalised units; the decoder is [F, E]. */
export type Parameters = Readonly<Record<string, Tensor<'float32'>>>;

/** A loss to be minimised, as `openLearner` takes it. */
export interface DictionaryObjective {
  readonly graph: Graph;
  readonly loss: 'loss';
  readonly parameters: readonly string[];
  /**
   * Scalars `error` (mean ‖y − ŷ‖²) and `l0` (mean active features a row), `sparsity` (penalty without λ),
   * `nextSparsity` (with the next p), `least` (smallest active value that selection compares, 3e38 when none);
   * `fired_F` (1 where active on any row), and with resampling `errors_B` (‖y − ŷ‖² of each row).
   */
  readonly figures: readonly string[];
}

/** Names of a plan's parameters, in the order of the flat vector. */
export function parameterNames({ architecture, activation }: TrainingPlan): string[] {
  if (activation === 'pursuit') return ['W_dec_FD', 'b_dec_D'];
  return [
    ...['W_enc_FD', 'b_enc_F', 'W_dec_FD', 'b_dec_D'],
    ...(activation === 'gated' ? ['r_mag_F', 'b_mag_F'] : []),
    ...(activation === 'jumprelu' ? ['threshold_F'] : []),
    ...(architecture === 'skip-transcoder' ? ['W_skip_ED'] : []),
  ];
}

const codes: Record<Exclude<TrainingPlan['activation'], 'pursuit'>, (t: Terms, c: CodeInputs) => Code> = {
  relu: reluCode,
  gated: gatedCode,
  topk: topkCode,
  batchtopk: batchTopkCode,
  jumprelu: jumpReluCode,
};

/**
 * The loss of a plan, parameters starting at `start`: Σ_g w_g mean ‖y − ŷ_g‖² + λ·sparsity + auxiliary + interference.
 * Inputs as the kind needs them: `x_BD`, `y_BE` (transcoders), scalars `lambda`, `p`, `nextP`, `auxiliary`, int64 [1]
 * `k` (of a row; of the whole batch for batchtopk) and `kAux`, `dead_F`.
 */
export function dictionaryObjective(plan: TrainingPlan, start: Parameters): DictionaryObjective {
  const t = terms();
  const inputs = new Map<string, string>();
  const input = (name: string, dtype: DType = 'float32', shape: readonly number[] = []) => {
    if (!inputs.has(name)) inputs.set(name, t.b.input(name, dtype, shape));
    return name;
  };
  const parameters = parameterNames(plan);
  for (const name of parameters) t.weight(name, start[name]!);
  const x = input('x_BD', 'float32', [plan.batch, plan.width]);
  const y = isTranscoder(plan.architecture) ? input('y_BE', 'float32', [plan.batch, plan.outputWidth]) : x;
  const loss = plan.activation === 'pursuit' ? pursuitLoss(t, plan, x) : codedLoss(t, plan, { x, y, input });
  t.b.op('Identity', [loss.total], {}, 'loss');
  const figures = figuresOf(t, plan, loss);
  return { graph: t.finish(['loss', ...figures]), loss: 'loss', parameters, figures };
}

interface Loss {
  readonly total: string;
  readonly error: string;
  /** y − ŷ, [B, E]. */
  readonly left: string;
  readonly f: string;
  readonly sparsity?: string;
  readonly nextSparsity?: string;
  /** What the choice of active features compares. */
  readonly compared?: string;
}

interface Ends {
  readonly x: string;
  readonly y: string;
  readonly input: (name: string, dtype?: DType, shape?: readonly number[]) => string;
}

function codedLoss(t: Terms, plan: TrainingPlan, { x, y, input }: Ends): Loss {
  const [W_dec_FE, b_dec_E] = ['W_dec_FD', 'b_dec_D'];
  let norms: string | undefined;
  const norms_F = () => (norms ??= decoderNorms(t, plan, W_dec_FE));
  const code = codes[plan.activation as Exclude<TrainingPlan['activation'], 'pursuit'>](t, {
    x: plan.preBias ? t.sub(x, b_dec_E) : x,
    ...{ W_enc_FD: 'W_enc_FD', b_enc_F: 'b_enc_F', norms_F, plan },
    own: (name) => name,
    k: () => input('k', 'int64', [1]),
  });
  const { outputs, left, error } = reconstruct(t, plan, code.f, { x, y });
  const output = outputs.at(-1)!;
  let total = t.mul(t.scalar(plan.groupWeights.at(-1)!), error);
  outputs.slice(0, -1).forEach((nested, g) => {
    const own = t.div(t.squares(t.sub(y, nested)), t.scalar(plan.batch));
    total = t.add(total, t.mul(t.scalar(plan.groupWeights[g]!), own));
  });
  const penalty = { plan, code, norms_F, input };
  const selects = plan.activation === 'topk' || plan.activation === 'batchtopk';
  const sparse = selects ? undefined : sparsity(t, penalty);
  if (sparse !== undefined) total = t.add(total, t.mul(input('lambda'), sparse));
  const auxiliary = { plan, code, W_dec_FE, b_dec_E, target: y, output };
  if (plan.auxiliary > 0 && (selects || plan.activation === 'gated')) {
    const term = selects
      ? deadAuxiliary(t, {
          ...auxiliary,
          dead_F: () => input('dead_F', 'float32', [plan.features]),
          kAux: () => input('kAux', 'int64', [1]),
        })
      : gateAuxiliary(t, { ...auxiliary, dead_F: () => '', kAux: () => '' });
    total = t.add(total, t.mul(input('auxiliary'), term));
  }
  if (plan.interference > 0)
    total = t.add(total, t.mul(t.scalar(plan.interference), interference(t, { plan, f: code.f, W_dec_FE })));
  return {
    ...{ total, error, left, f: code.f },
    ...(sparse !== undefined && { sparsity: sparse }),
    ...(plan.power && { nextSparsity: sparsity(t, { ...penalty, input: () => input('nextP') }) }),
    ...(selects && { compared: plan.byDecoderNorm ? t.mul(code.f, norms_F()) : code.f }),
  };
}

/** The reconstruction from the features of each group and of those before it; the last one is the whole. */
function reconstruct(
  t: Terms,
  plan: TrainingPlan,
  f: string,
  { x, y }: Pick<Ends, 'x' | 'y'>,
): { outputs: string[]; left: string; error: string } {
  const skip = plan.architecture === 'skip-transcoder' ? t.read(x, 'W_skip_ED') : undefined;
  const outputs: string[] = [];
  let from = 0;
  for (const to of plan.groups) {
    const whole = from === 0 && to === plan.features;
    const features = whole ? f : t.part(f, 1, from, to);
    const rows = whole ? 'W_dec_FD' : t.part('W_dec_FD', 0, from, to);
    const before = outputs.at(-1);
    const written = t.write(features, rows, before ?? 'b_dec_D');
    outputs.push(before === undefined && skip !== undefined ? t.add(written, skip) : written);
    from = to;
  }
  const left = t.sub(y, outputs.at(-1)!);
  return { outputs, left, error: t.div(t.squares(left), t.scalar(plan.batch)) };
}

/** Length of each decoder row [F]; of a crosscoder the lengths at its sites, added up (Lindsey et al. 2024, crosscoders). */
function decoderNorms(t: Terms, plan: TrainingPlan, W_dec_FE: string): string {
  const length = (rows: string) => t.b.op('ReduceL2', [rows, t.b.ints(1)], { keepdims: { int: 0 } });
  if (plan.blocks.length < 2) return length(W_dec_FE);
  let from = 0;
  return plan.blocks
    .map((width) => {
      from += width;
      return length(t.part(W_dec_FE, 1, from - width, from));
    })
    .reduce((a, b) => t.add(a, b));
}

/** Mean ‖r_k‖² after k steps of pursuit. */
function pursuitLoss(t: Terms, plan: TrainingPlan, x: string): Loss {
  const rows = t.sub(x, 'b_dec_D');
  const found = pursuitInGraph(t.b, t.held(rows), t.held('W_dec_FD'), plan.kFinal);
  const left = pursuedInGraph(t.b, rows, 'W_dec_FD', t.held(found.indices_BK), plan.kFinal);
  const error = t.div(t.squares(left), t.scalar(plan.batch));
  const zeros = t.mul(t.read(t.held(x), t.held('W_dec_FD')), t.scalar(0));
  const f = t.held(pursuitFeatures(t.b, found, zeros));
  const total =
    plan.interference > 0
      ? t.add(error, t.mul(t.scalar(plan.interference), interference(t, { plan, f, W_dec_FE: 'W_dec_FD' })))
      : error;
  return { total, error, left, f };
}

function figuresOf(t: Terms, plan: TrainingPlan, loss: Loss): string[] {
  const name = (as: string, value: string) => t.b.op('Identity', [value], {}, as);
  const on = t.above(loss.f, t.scalar(0));
  name('error', loss.error);
  name('l0', t.div(t.sum(on), t.scalar(plan.batch)));
  t.b.op('ReduceMax', [on, t.b.ints(0)], { keepdims: { int: 0 } }, 'fired_F');
  const more: string[] = [];
  if (plan.resample) more.push(name('errors_B', t.sum(t.mul(loss.left, loss.left), 1)));
  if (loss.sparsity !== undefined) more.push(name('sparsity', loss.sparsity));
  if (loss.nextSparsity !== undefined) more.push(name('nextSparsity', loss.nextSparsity));
  if (loss.compared !== undefined) {
    const active = t.choose(on, loss.compared, t.scalar(3e38));
    more.push(t.b.op('ReduceMin', [active], { keepdims: { int: 0 } }, 'least'));
  }
  return ['error', 'l0', 'fired_F', ...more];
}
