/** @file Pooled rows: texts through the network to the cut, means over the positions that the dictionaries read. */
import { join } from 'node:path';
import { type Network, networkOf, placeOf } from '../../circuits/cuts.ts';
import { encodeState } from '../../circuits/encode-state.ts';
import { passesBy } from '../../circuits/feature-state.ts';
import { tokenStates } from '../../circuits/forward.ts';
import { TOKENS_PER_RUN } from '../../circuits/run-options.ts';
import { DataError, giveWay } from '../../core/errors.ts';
import { track, type WorkContext } from '../../core/progress.ts';
import { f32 } from '../../core/tensor.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { makeFolder } from '../../files/folders.ts';
import { openIfSound, writeSafetensors } from '../../files/safetensors.ts';
import type { Model } from '../../models/types.ts';
import { openSession } from '../../runtime/session.ts';

/** Rows of all texts, in their order: states, and features of each dictionary. */
export interface Pooled {
  readonly width: number;
  readonly x_ND: Float32Array;
  /** By dictionary, [N, F]. */
  readonly features: readonly Float32Array[];
}

export interface PoolInput {
  readonly model: Model;
  readonly site: string;
  /** They read the same positions (one threshold of norms). */
  readonly dictionaries: readonly Dictionary[];
  readonly texts: readonly string[];
  /** Tokens of a text that are read, from its beginning. */
  readonly length: number;
  /** Finished parts lie here; a stopped run goes on after them. */
  readonly folder: string;
  readonly threads: number;
}

/** Texts of one part: what an interruption loses at most. */
const PART = 96;

/**
 * Pools texts: the mean over positions but the first and attention sinks. Nothing is kept of single tokens.
 * @throws DataError `biographies.too-short` when a text has no position that is read
 */
export async function poolTexts(input: PoolInput, context: WorkContext): Promise<Pooled> {
  const { model, site, dictionaries, texts, length, folder } = input;
  const network = networkOf(model);
  const { width } = placeOf(network, site);
  const N = texts.length;
  const pooled = {
    width,
    x_ND: new Float32Array(N * width),
    features: dictionaries.map((d) => new Float32Array(N * d.features)),
  };
  // Texts of like length run together: padding is work for nothing.
  const tokens = texts.map((text) => [
    ...(model.tokenizer.bos === undefined ? [] : [model.tokenizer.bos]),
    ...model.tokenizer.encode(text).slice(0, length),
  ]);
  const order = Array.from({ length: N }, (_, n) => n).sort(
    (a, b) => tokens[a]!.length - tokens[b]!.length || a - b,
  );
  await makeFolder(folder);
  const task = { task: 'bias/pool', label: 'Read the biographies', total: N, unit: 'texts' };
  return track(context.progress, task, async (advance) => {
    for (let from = 0; from < N; from += PART) {
      const numbers = order.slice(from, from + PART);
      const file = join(folder, `part-${from}.safetensors`);
      const part =
        (await readPart(file, dictionaries.length)) ??
        (await savedPart(
          file,
          await poolPart(
            input,
            network,
            numbers.map((n) => tokens[n]!),
            context,
          ),
        ));
      numbers.forEach((n, i) => {
        pooled.x_ND.set(part.x_ND.subarray(i * width, (i + 1) * width), n * width);
        dictionaries.forEach(({ features: F }, d) => {
          pooled.features[d]!.set(part.features[d]!.subarray(i * F, (i + 1) * F), n * F);
        });
      });
      advance(Math.min(N, from + PART));
      await giveWay(context.signal);
    }
    return pooled;
  });
}

async function poolPart(
  { site, dictionaries, threads }: PoolInput,
  network: Network,
  texts: readonly (readonly number[])[],
  context: WorkContext,
): Promise<Omit<Pooled, 'width'>> {
  const { width } = placeOf(network, site);
  const x_ND = new Float32Array(texts.length * width);
  const features = dictionaries.map((d) => new Float32Array(texts.length * d.features));
  const open = (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads });
  // Runs of a few texts each, padded on the right: attention is causal, so padding changes nothing to its left.
  for (let from = 0; from < texts.length; ) {
    const positions = (to: number) => Math.max(...texts.slice(from, to).map((t) => t.length));
    let to = from + 1;
    while (to < texts.length && (to + 1 - from) * positions(to + 1) <= 4 * TOKENS_PER_RUN) to++;
    const T = positions(to);
    const ids_BT = new Int32Array((to - from) * T);
    texts.slice(from, to).forEach((ids, b) => {
      ids_BT.set(ids, b * T);
    });
    const [states] = await tokenStates(network, [{ ids_BT, positions: T }], [site], {
      open,
      tokensPerRun: 4 * TOKENS_PER_RUN,
      ...(context.signal ? { signal: context.signal } : {}),
    });
    const x_BTD = states![site]!;
    const shape = { examples: to - from, positions: T, width };
    const kept = keptPositions(dictionaries[0]!, x_BTD, shape, texts.slice(from, to));
    for (const [b, rows] of kept.entries()) {
      for (const row of rows)
        for (let d = 0; d < width; d++)
          x_ND[(from + b) * width + d]! += x_BTD[row * width + d]! / rows.length;
    }
    for (const [d, dictionary] of dictionaries.entries()) {
      const code = await encodeState(dictionary, x_BTD, shape, threads);
      for (const [b, rows] of kept.entries()) {
        for (const row of rows)
          for (let j = row * code.k; j < (row + 1) * code.k; j++) {
            const at = (from + b) * dictionary.features + code.indices_BTK[j]!;
            features[d]![at]! += code.values_BTK[j]! / rows.length;
          }
      }
    }
    from = to;
  }
  return { x_ND, features };
}

/** Rows of [B, T] that count for each text. */
function keptPositions(
  dictionary: Dictionary,
  x_BTD: Float32Array,
  { positions, width }: { readonly positions: number; readonly width: number },
  texts: readonly (readonly number[])[],
): number[][] {
  return texts.map((ids, b) => {
    const rows: number[] = [];
    for (let t = 0; t < ids.length; t++) {
      const row = b * positions + t;
      if (!passesBy(dictionary, t, x_BTD.subarray(row * width, (row + 1) * width))) rows.push(row);
    }
    if (rows.length > 0) return rows;
    throw new DataError('biographies.too-short', 'a text has no position that the dictionary reads', {
      where: `a text of ${ids.length} tokens`,
      hint: 'give texts of at least two tokens (the first position is never read)',
    });
  });
}

async function readPart(file: string, dictionaries: number): Promise<Omit<Pooled, 'width'> | undefined> {
  const opened = await openIfSound(file);
  if (!opened) return undefined;
  try {
    const floats = (name: string) => opened.read(name).data as Float32Array;
    return {
      x_ND: floats('x'),
      features: Array.from({ length: dictionaries }, (_, d) => floats(`features.${d}`)),
    };
  } finally {
    opened.close();
  }
}

async function savedPart(file: string, part: Omit<Pooled, 'width'>): Promise<Omit<Pooled, 'width'>> {
  const tensors = {
    x: f32([part.x_ND.length], part.x_ND),
    ...Object.fromEntries(part.features.map((values, d) => [`features.${d}`, f32([values.length], values)])),
  };
  await writeSafetensors(file, tensors, {});
  return part;
}
