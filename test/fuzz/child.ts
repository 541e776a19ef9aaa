/** @file The process that opens damaged files: tells what came of each, how long it took, and how much memory. */
import { readFileSync, writeFileSync } from 'node:fs';
import { UntangleError } from '../../src/core/errors.ts';
import { silent } from '../../src/core/progress.ts';
import { openDictionary } from '../../src/dictionaries/formats/open.ts';
import { readNpz } from '../../src/files/npz.ts';
import { openModel } from '../../src/models/open.ts';
import { openSession } from '../../src/runtime/session.ts';

export interface Request {
  readonly path: string;
}

export interface Answer {
  /** `opened`, or the code of the error; anything else is a fault of ours. */
  readonly outcome: string;
  readonly message: string;
  /** Most memory in use while it was opened, above what was in use before (Linux; 0 elsewhere). */
  readonly grown: number;
}

/** Resident size and its high-water mark, which can be set back. */
function memory(): { now: number; peak: number } {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const of = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return { now: of('VmRSS'), peak: of('VmHWM') };
  } catch {
    return { now: 0, peak: 0 };
  }
}

async function opened(path: string): Promise<void> {
  if (path.endsWith('.npz')) {
    await readNpz(path);
    return;
  }
  if (/[\\/]sae-[a-z]+-\d+([\\/]|$)/.test(path)) {
    const sites = { site: 'blocks.1.hook_resid_post', output: 'blocks.1.hook_mlp_out' };
    await openDictionary(path, sites, { progress: silent });
    return;
  }
  const model = await openModel(path, { progress: silent });
  // What opened is handed on to onnxruntime, which must survive it.
  const session = await openSession(model.graph, { threads: 1 });
  await session.release();
}

async function answer(path: string): Promise<Answer> {
  globalThis.gc?.();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Not Linux: nothing is measured.
  }
  const before = memory();
  let outcome = 'opened';
  let message = '';
  try {
    await opened(path);
  } catch (error) {
    outcome = error instanceof UntangleError ? error.code : 'unknown error';
    message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  return { outcome, message, grown: memory().peak - before.now };
}

process.on('message', ({ path }: Request) => {
  void answer(path).then((result) => process.send!(result));
});
process.send!({ outcome: 'ready', message: '', grown: 0 } satisfies Answer);
