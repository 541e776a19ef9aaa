/** @file A trainer's state on disk, so that a stopped run goes on to the bit. */
import { contentHash } from '../core/hash.ts';
import { tensor } from '../core/tensor.ts';
import { openIfSound, writeSafetensors } from '../files/safetensors.ts';
import { DECODED, ENTRY_COST, SPAN } from './frequent.ts';
import { planRows, trainShape } from './fused.ts';
import { fusedReason, type TrainingPlan } from './plan.ts';
import { type ActivationRows, fingerprint } from './rows.ts';
import type { StepReport } from './trainer.ts';
import type { CurvePoint } from './types.ts';

export interface Checkpoint {
  readonly state: Uint8Array;
  readonly curve: readonly CurvePoint[];
  /** Seconds of training behind it. */
  readonly seconds: number;
  /** Of the last step. */
  readonly last?: StepReport;
}

/**
 * Names what the bits of a run depend on: its plan, its rows, and where the fused engine trains it the rows of a block and
 * how frequent features are chosen and multiplied. Not the threads, which change no bit. `version` stands for the code.
 */
export function checkpointKey(plan: TrainingPlan, rows: ActivationRows): string {
  const fused = fusedReason(plan) === undefined ? { fused: sizesOf(plan) } : {};
  return contentHash({ version: 4, plan, rows: fingerprint(rows), ...fused });
}

/** What the fused engine adds up by, beside the plan. */
function sizesOf(plan: TrainingPlan) {
  const { frequent } = trainShape(plan, 1);
  return { rows: planRows(plan), ...(frequent ? { frequent, ENTRY_COST, DECODED, SPAN } : {}) };
}

/** Writes a checkpoint; `key` is checkpointKey(). */
export async function saveCheckpoint(
  path: string,
  key: string,
  { state, curve, seconds, last }: Checkpoint,
): Promise<void> {
  // A copy on memory of its own: the state is a view of shared memory, which files cannot be written from.
  const data = new Uint8Array(state.length);
  data.set(state);
  await writeSafetensors(
    path,
    { state: tensor('uint8', [data.length], data) },
    { key, about: JSON.stringify({ curve, seconds, last }) },
  );
}

/** The checkpoint at `path`, or undefined when there is none for this key or it is damaged: then training starts again. */
export async function loadCheckpoint(path: string, key: string): Promise<Checkpoint | undefined> {
  const file = await openIfSound(path);
  if (!file) return undefined;
  try {
    const { key: found, about } = file.metadata;
    if (found !== key || about === undefined) return undefined;
    const told = JSON.parse(about) as Omit<Checkpoint, 'state'>;
    return { ...told, state: file.readBytes('state', 0, file.info('state').length) };
  } finally {
    file.close();
  }
}
