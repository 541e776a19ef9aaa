/** @file A trainer's state on disk, so that a stopped run goes on to the bit. */
import { tensor } from '../core/tensor.ts';
import { openIfSound, writeSafetensors } from '../files/safetensors.ts';

export interface Checkpoint {
  readonly state: Uint8Array;
  readonly curve: readonly { tokens: number; fve: number }[];
  /** Seconds of training behind it. */
  readonly seconds: number;
}

/** Writes a checkpoint; `key` names everything that the run depends on. */
export async function saveCheckpoint(
  path: string,
  key: string,
  { state, curve, seconds }: Checkpoint,
): Promise<void> {
  // A copy on memory of its own: the state is a view of shared memory, which files cannot be written from.
  const data = new Uint8Array(state.length);
  data.set(state);
  await writeSafetensors(
    path,
    { state: tensor('uint8', [data.length], data) },
    { key, curve: JSON.stringify(curve), seconds: String(seconds) },
  );
}

/** The checkpoint at `path`, or undefined when there is none for this key or it is damaged: then training starts again. */
export async function loadCheckpoint(path: string, key: string): Promise<Checkpoint | undefined> {
  const file = await openIfSound(path);
  if (!file) return undefined;
  try {
    const { key: found, curve, seconds } = file.metadata;
    if (found !== key) return undefined;
    return {
      state: file.readBytes('state', 0, file.info('state').length),
      curve: JSON.parse(curve ?? '[]') as Checkpoint['curve'],
      seconds: Number(seconds),
    };
  } finally {
    file.close();
  }
}
