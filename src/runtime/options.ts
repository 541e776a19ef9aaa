/** @file The session options that keep memory low. Figures and reasons: docs/decisions/0004. */
import type { InferenceSession } from 'onnxruntime-node';

/**
 * Where operators run: onnxruntime's execution providers. What a provider has no kernel for runs on the processor. Which of them
 * exist is a question of the machine and of how onnxruntime was installed; only `cpu` is tested here.
 */
export const providers = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const;
export type Provider = (typeof providers)[number];

export interface SessionTuning {
  /** Threads inside an operator. */
  readonly threads: number;
  /** Repack weights for the matrix kernels: 6 % faster at 1,000 rows, and a private copy of all weights. */
  readonly prepack?: boolean;
  /** Waiting threads burn their core instead of sleeping: for one session that has the machine to itself. */
  readonly spin?: boolean;
  /** `cpu` unless given. */
  readonly provider?: Provider;
}

/**
 * onnxruntime's options for a session whose external weights lie in `folder`. `float64` keeps two fusions out that
 * do not fit it: x·sigmoid(x) becomes QuickGelu, which has no kernel for float64; a product's scale becomes an
 * attribute, which is rounded to float32.
 */
export function sessionOptions(
  { threads, prepack = false, spin = false, provider = 'cpu' }: SessionTuning,
  folder: string | undefined,
  float64: boolean,
): InferenceSession.SessionOptions {
  return {
    ...(provider === 'cpu' ? {} : { executionProviders: [provider, 'cpu'] }),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // The plan of a run's memory is one block beside the arena: 1.6 GB more for a backward pass, not faster.
    enableMemPattern: false,
    logSeverityLevel: 4,
    extra: {
      ...(float64
        ? { optimization: { disable_specified_optimizers: 'QuickGeluFusion;MatMulScaleFusion' } }
        : {}),
      session: {
        // Without it external weights stay what they are: pages of their file, shared by all sessions.
        disable_prepacking: prepack ? '0' : '1',
        // Waiting threads sleep instead of burning the other core.
        intra_op: { allow_spinning: spin ? '1' : '0' },
        ...(folder === undefined ? {} : { model_external_initializers_file_folder_path: folder }),
      },
    },
  };
}
