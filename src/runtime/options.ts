/** @file The session options that keep memory low. */
import type { InferenceSession } from 'onnxruntime-node';

/**
 * onnxruntime turns x·sigmoid(x) into QuickGelu whatever the element type, but has no kernel of it for float64:
 * `float64` keeps that one fusion out.
 */
export function sessionOptions(
  threads: number,
  folder: string | undefined,
  float64: boolean,
): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    extra: {
      ...(float64 ? { optimization: { disable_specified_optimizers: 'QuickGeluFusion' } } : {}),
      session: {
        intra_op: { allow_spinning: '0' },
        disable_prepacking: '1',
        ...(folder === undefined ? {} : { model_external_initializers_file_folder_path: folder }),
      },
    },
  };
}
