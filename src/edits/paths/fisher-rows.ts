/** @file Fisher metric over strengths of features for a network of rows (records of a table), one position each. */
import { jvp } from '../../autodiff/jvp.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { EditError, throwIfAborted } from '../../core/errors.ts';
import { f32, f64 } from '../../core/tensor.ts';
import { feedAt, only } from '../../graph/interventions.ts';
import type { Graph } from '../../graph/types.ts';
import { type Fisher, floatsOf } from './fisher.ts';

/** The rest of a network above a layer, and the rows whose predictions are to stay. */
export interface RowFisherSource {
  readonly graph: Graph;
  /** The layer that is edited, [N, D]. */
  readonly site: string;
  /** The logits, [N, C]; with C = 1 (or [N]) the prediction is σ(logit). */
  readonly logits: string;
  readonly x_ND: ArrayLike<number>;
  /** Activations of all features in these rows, [N, F]. */
  readonly features_NF: ArrayLike<number>;
  /** [F, D]. */
  readonly W_dec_FD: ArrayLike<number>;
  readonly width: number;
  readonly features: number;
}

/**
 * G_ij = mean over rows of J_iᵀ(diag p − ppᵀ)J_j with J_i = ∂logits/∂α_i of x′ = x − Σ_i (1 − α_i) f_i d_i, by tangents from the
 * layer: exact, in nats. For one logit p(1 − p) J_i J_j.
 * @throws EditError `edit.shape`
 */
export async function openRowFisher(source: RowFisherSource, run: RunOptions): Promise<Fisher> {
  const { graph, site, logits, x_ND, features_NF, W_dec_FD, width: D, features: F } = source;
  const N = x_ND.length / D;
  if (!Number.isInteger(N) || N < 1 || features_NF.length !== N * F || W_dec_FD.length !== F * D) {
    throw new EditError('edit.shape', 'rows, features and decoder directions do not go together', {
      where: site,
      hint: 'give x [N, D], activations [N, F] and decoder rows [F, D]',
    });
  }
  const from = feedAt(graph, [site]);
  const tangent = `tangent:${logits}`;
  const numbers = floatsOf(graph, site) === 'float64' ? f64 : f32;
  const session = await run.open(
    only(jvp(only(from, [logits]), { of: [logits], wrt: [site] }), [logits, tangent]),
  );
  return {
    tokens: N,
    async at(features, alpha_N) {
      throwIfAborted(run.signal);
      const n = features.length;
      const state = new Float64Array(n * N * D);
      const moved = new Float64Array(n * N * D);
      const x = Float64Array.from(x_ND);
      features.forEach((feature, i) => {
        for (let row = 0; row < N; row++)
          for (let d = 0; d < D; d++) {
            const write = features_NF[row * F + feature]! * W_dec_FD[feature * D + d]!;
            moved[(i * N + row) * D + d] = write;
            x[row * D + d]! -= (1 - alpha_N[i]!) * write;
          }
      });
      for (let i = 0; i < n; i++) state.set(x, i * N * D);
      const shape = [n * N, D];
      const out = await session.run({
        [site]: numbers(shape, state),
        [`tangent:${site}`]: numbers(shape, moved),
      });
      run.advance?.(N);
      return multiply(out[logits]!.data as Float64Array, out[tangent]!.data as Float64Array, n, N);
    },
    release: () => session.release(),
  };
}

/** Mean over rows of the covariance of the tangents under the prediction. `z` [n·N, C] holds the logits n times. */
function multiply(z: ArrayLike<number>, J: ArrayLike<number>, n: number, N: number): Float64Array {
  const C = J.length / (n * N);
  const G = new Float64Array(n * n);
  const centred = new Float64Array(n * C);
  for (let row = 0; row < N; row++) {
    const p = predictions(Array.from({ length: C }, (_, c) => z[row * C + c]!));
    for (let i = 0; i < n; i++) {
      let mean = 0;
      if (C > 1) for (let c = 0; c < C; c++) mean += p[c]! * J[(i * N + row) * C + c]!;
      for (let c = 0; c < C; c++) centred[i * C + c] = J[(i * N + row) * C + c]! - mean;
    }
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let c = 0; c < C; c++) {
          const weight = C > 1 ? p[c]! : p[0]! * (1 - p[0]!);
          G[i * n + j]! += (weight * centred[i * C + c]! * centred[j * C + c]!) / N;
        }
  }
  return G;
}

/** Softmax, or σ of a single logit. */
function predictions(logits: readonly number[]): number[] {
  if (logits.length === 1) return [1 / (1 + Math.exp(-logits[0]!))];
  const most = Math.max(...logits);
  const powers = logits.map((z) => Math.exp(z - most));
  const all = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / all);
}
