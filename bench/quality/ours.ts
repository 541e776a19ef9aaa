/** @file Our pieces: the default preset on the rows of the peers, in their order. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { encoder } from '../../src/dictionaries/encoder.ts';
import { openEngine } from '../../src/dictionaries/engine.ts';
import { saveDictionary } from '../../src/dictionaries/files.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';
import { sparsity } from '../../src/dictionaries/sparsity.ts';
import type { Stream } from '../sae/activations.ts';
import { sharedRows } from '../sae/rows.ts';
import { qualityFolder } from './peers.ts';
import { equal, type Kind } from './settings.ts';

export interface OurPiece {
  readonly kind: Kind;
  readonly seed: number;
  /** Weight of the penalty; none for kinds that count. */
  readonly penalty?: number;
  readonly l0: number;
  readonly folder: string;
}

/** Options that differ from the preset: what is equal for all, and the seed. */
const configOf = (kind: Kind, seed: number, penalty?: number): DictionaryConfig => ({
  ...{ architecture: kind, site: 'bench', modelHash: '', sinkNorm: Number.MAX_VALUE, seed },
  ...{ features: equal.features, batch: equal.batch, tokens: equal.steps * equal.batch, normalise: 'none' },
  ...(penalty === undefined ? { k: equal.k } : { penalty }),
});

/** Trains the piece, or takes it from the cache. */
export async function ourPiece(
  kind: Kind,
  seed: number,
  stream: Stream,
  penalty?: number,
): Promise<OurPiece> {
  const x_ND = sharedRows(stream.train);
  const { width, batch, steps } = equal;
  const rows = Math.floor(x_ND.length / width / batch) * batch;
  const plan = planTraining(configOf(kind, seed, penalty), { rows, width });
  const name = `untangle-${kind}-${plan.rate.value}-${penalty ?? 0}-${seed}`;
  const folder = join(qualityFolder(), name);
  const record = join(folder, 'piece.json');
  if (existsSync(record)) return JSON.parse(readFileSync(record, 'utf8')) as OurPiece;
  const order = Uint32Array.from({ length: steps * batch }, (_, i) => i % rows);
  const shared = new Uint32Array(new SharedArrayBuffer(order.byteLength));
  shared.set(order);
  const trainer = await openEngine({ plan, source: { x_ND, width }, order: shared, threads: 2 });
  await trainer.run(steps);
  const dictionary = trainer.dictionary();
  await trainer.close();
  await saveDictionary(folder, dictionary);
  const opened = await encoder(dictionary);
  const code = await opened.encode(Float32Array.from(sharedRows(stream.heldOut)));
  await opened.release();
  const { l0 } = sparsity(code, dictionary.features);
  const piece = { kind, seed, ...(penalty === undefined ? {} : { penalty }), l0, folder };
  console.error(`untangle ${kind} penalty ${penalty ?? '–'} seed ${seed}: L0 ${l0.toFixed(1)}`);
  writeFileSync(record, JSON.stringify(piece, null, 2));
  return piece;
}

/**
 * Our piece with at most `most` active features, and no less than nine tenths of them: the penalty is found by at most six
 * trainings (secant on the logarithms). Kinds that count have k.
 */
export async function ourMatched(kind: Kind, seed: number, stream: Stream, most: number): Promise<OurPiece> {
  if (kind === 'topk' || kind === 'batchtopk') return ourPiece(kind, seed, stream);
  const goal = 0.97 * most;
  const tried: OurPiece[] = [];
  let penalty = kind === 'jumprelu' ? 0.3 : 2;
  while (tried.length < 6) {
    const piece = await ourPiece(kind, seed, stream, penalty);
    tried.push(piece);
    if (piece.l0 <= most && piece.l0 >= 0.93 * most) return piece;
    const [a, b] = tried.slice(-2);
    const slope = b ? Math.log(b.l0 / a!.l0) / Math.log(b.penalty! / a!.penalty!) : -1;
    const step = Math.log(goal / Math.max(piece.l0, 0.1)) / (slope < -0.2 ? slope : -1);
    penalty = Number((penalty * Math.exp(Math.max(-1.5, Math.min(1.5, step)))).toPrecision(3));
  }
  const below = tried.filter((piece) => piece.l0 <= most).sort((a, b) => b.l0 - a.l0);
  return below[0] ?? tried.sort((a, b) => a.l0 - b.l0)[0]!;
}
