/** @file A training on disk, so that a stopped one goes on to the bit: parameters, optimiser, curve. */
import { z } from 'zod';
import { type Tensor, tensor } from '../core/tensor.ts';
import { openIfSound, writeSafetensors } from '../files/safetensors.ts';
import type { Floats, OptimiserState } from '../mechanics/optimisers/optimiser.ts';

/** One point of a training's curve. Losses are means over a batch, in the loss's own unit. */
export interface CurvePoint {
  readonly step: number;
  /** Mean loss of the batches since the last point. */
  readonly train: number;
  readonly heldOut?: number;
}

export interface Checkpoint {
  readonly vector: Floats;
  readonly optimiser: OptimiserState;
  readonly step: number;
  readonly curve: readonly CurvePoint[];
  /** Seconds of training behind it. */
  readonly seconds: number;
  /** Losses since the last point of the curve, added up. */
  readonly sum: number;
}

const metadataSchema = z.object({
  key: z.string(),
  step: z.coerce.number().int().nonnegative(),
  seconds: z.coerce.number().nonnegative(),
  sum: z.coerce.number(),
  curve: z.string(),
  optimiser: z.string(),
});

const asTensor = (v: Floats): Tensor =>
  v instanceof Float32Array
    ? tensor('float32', [v.length], v as Float32Array<ArrayBuffer>)
    : tensor('float64', [v.length], v as Float64Array<ArrayBuffer>);

/** Writes a checkpoint; `key` names everything that the training depends on. */
export async function saveCheckpoint(path: string, key: string, checkpoint: Checkpoint): Promise<void> {
  const { vector, optimiser, step, curve, seconds, sum } = checkpoint;
  const { vectors, ...rest } = optimiser;
  const tensors = Object.entries(vectors).map(([name, v]) => [`optimiser.${name}`, asTensor(v)] as const);
  await writeSafetensors(
    path,
    { parameters: asTensor(vector), ...Object.fromEntries(tensors) },
    {
      key,
      step: String(step),
      seconds: String(seconds),
      sum: String(sum),
      curve: JSON.stringify(curve),
      optimiser: JSON.stringify(rest),
    },
  );
}

/** The checkpoint at `path`; undefined when there is none for this key or it is damaged: then training starts anew. */
export async function loadCheckpoint(path: string, key: string): Promise<Checkpoint | undefined> {
  const file = await openIfSound(path);
  if (!file) return undefined;
  try {
    const metadata = metadataSchema.safeParse(file.metadata);
    if (!metadata.success || metadata.data.key !== key) return undefined;
    const read = (name: string) => file.read(name).data as Floats;
    const vectors = file.names.filter((name) => name.startsWith('optimiser.'));
    return {
      vector: read('parameters'),
      optimiser: {
        ...(JSON.parse(metadata.data.optimiser) as Omit<OptimiserState, 'vectors'>),
        vectors: Object.fromEntries(vectors.map((name) => [name.slice('optimiser.'.length), read(name)])),
      },
      step: metadata.data.step,
      curve: JSON.parse(metadata.data.curve) as CurvePoint[],
      seconds: metadata.data.seconds,
      sum: metadata.data.sum,
    };
  } finally {
    file.close();
  }
}
