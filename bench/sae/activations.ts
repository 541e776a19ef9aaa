/** @file The benchmarks' stream: SmolLM2 activations (all coordinates or the first ones), shuffled, centred, scaled, as raw files. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { harvest } from '../../src/activations/harvest.ts';
import { openActivations } from '../../src/activations/open.ts';
import type { Progress } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { loadDocuments } from '../../src/data/text.ts';
import { makeWindows, type Window } from '../../src/data/windows.ts';
import { type Normalisation, normalisation } from '../../src/dictionaries/normalise.ts';
import { cacheRoot } from '../../src/files/cache.ts';
import { openTokenModel as openModel } from '../../src/models/open.ts';

const SITE = 'blocks.11.hook_resid_post';
const ROWS = { train: 24 * 4096, heldOut: 8192 };

export interface Stream {
  readonly train: string;
  readonly heldOut: string;
  readonly source: string;
}

/** What the stream is made of: the model, its windows, raw rows of the site. */
async function harvested(threads: number, progress: Progress) {
  const model = await openModel('smollm2-135m', { progress });
  const corpus = await loadDocuments({ kind: 'wikipedia-leads' }, { progress });
  // One position of 128 and a few sinks are left out: ask for a little more than is needed.
  const windows = makeWindows(corpus.documents, model.tokenizer, {
    length: 128,
    trainTokens: Math.ceil(ROWS.train * 1.02),
    heldOutTokens: Math.ceil(ROWS.heldOut * 1.05),
    seed: 0,
  });
  const read = async (
    some: readonly Window[],
    name: string,
    most: number,
    thresholds?: Record<string, number>,
  ) => {
    const at = join(folder(), name);
    const result = await harvest({
      ...{ model, windows: some, sites: [SITE], folder: at, threads, progress },
      ...(thresholds ? { thresholds } : {}),
    });
    const opened = await openActivations(at, SITE);
    const rows = opened.load(most);
    opened.close();
    return { rows, width: opened.width, threshold: result.sites[0]!.leftOut.threshold };
  };
  const train = await read(windows.train, 'harvest-train', ROWS.train);
  const heldOut = await read(windows.heldOut, 'harvest-held-out', ROWS.heldOut, { [SITE]: train.threshold });
  return { model, windows, train, heldOut };
}

const folder = () => join(cacheRoot(), 'bench', 'sae-v2');

/**
 * Files of `width` coordinates of SmolLM2's residual stream, made once: about a minute of harvest. Every trainer gets
 * the same centred and scaled rows, so that no library's own normalisation enters the comparison.
 */
export async function activationStream(width: number, threads: number, progress: Progress): Promise<Stream> {
  const files = {
    train: join(folder(), `train-${width}.f32`),
    heldOut: join(folder(), `held-out-${width}.f32`),
  };
  const source = `SmolLM2-135M-Instruct (4-bit), ${SITE}, first ${width} of 576 coordinates, English Wikipedia leads`;
  if (existsSync(files.train) && existsSync(files.heldOut)) return { ...files, source };
  mkdirSync(folder(), { recursive: true });
  const { train, heldOut } = await harvested(threads, progress);
  const rows = firstCoordinates(train.rows, train.width, width);
  const { centre, scale } = normalisation(rows, width, SITE);
  const normal = (x: Float32Array) => x.map((value, i) => (value - centre[i % width]!) * scale);
  write(files.heldOut, normal(firstCoordinates(heldOut.rows, heldOut.width, width)));
  write(files.train, shuffled(normal(rows), width));
  return { ...files, source };
}

/** The stream at full width with what scores need: the model, held-out windows, raw held-out rows, how z came from x. */
export async function fullStream(threads: number, progress: Progress) {
  const { model, windows, train, heldOut } = await harvested(threads, progress);
  const normal: Normalisation = normalisation(train.rows, train.width, SITE);
  return {
    ...{ site: SITE, width: train.width, model, windows: windows.heldOut, normal },
    heldOut_MD: heldOut.rows,
    sinkNorm: train.threshold,
  };
}

function firstCoordinates(rows: Float32Array, from: number, to: number): Float32Array {
  const out = new Float32Array((rows.length / from) * to);
  for (let i = 0; i < rows.length / from; i++) out.set(rows.subarray(i * from, i * from + to), i * to);
  return out;
}

function shuffled(rows: Float32Array, width: number): Float32Array {
  const out = new Float32Array(rows.length);
  random(0)
    .permutation(rows.length / width)
    .forEach((from, to) => {
      out.set(rows.subarray(from * width, (from + 1) * width), to * width);
    });
  return out;
}

function write(path: string, rows: Float32Array): void {
  writeFileSync(`${path}.partial`, new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
  renameSync(`${path}.partial`, path);
}
