/** @file A peer's pieces: one training each, its dictionary kept in the library's own files; the best rate and coefficient. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheRoot } from '../../src/files/cache.ts';
import { contestant, peersPython } from '../peers.ts';
import type { Stream } from '../sae/activations.ts';
import type { Answer, Command } from '../sae/settings.ts';
import {
  type Choice,
  coefficients,
  equal,
  type Kind,
  type Peer,
  peerSettings,
  rates,
  wantedL0,
} from './settings.ts';

/** One finished training of a peer. */
export interface PeerPiece extends Choice {
  readonly peer: Peer;
  readonly kind: Kind;
  readonly seed: number;
  /** In its own code, on held-out rows: for the search of its rate and coefficient only. */
  readonly fve: number;
  readonly l0: number;
  readonly seconds: number;
  /** Of the library's files. */
  readonly folder: string;
}

export const qualityFolder = () => join(cacheRoot(), 'bench', 'quality-v2');

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Trains the piece, or takes it from the cache. */
export async function peerPiece(
  peer: Peer,
  kind: Kind,
  choice: Choice,
  seed: number,
  stream: Stream,
): Promise<PeerPiece> {
  const folder = join(qualityFolder(), `${peer}-${kind}-${choice.rate}-${choice.coefficient}-${seed}`);
  const record = join(folder, 'piece.json');
  if (existsSync(record)) return JSON.parse(readFileSync(record, 'utf8')) as PeerPiece;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const requirements = beside('../sae/requirements.txt');
  const python = peersPython({ requirements, venv: '.venv-peers', variable: 'UNTANGLE_PEERS_PYTHON' });
  const process = contestant<Command, Answer>(peer, python, [beside('../sae/peer.py'), peer]);
  await process.ask({ setup: peerSettings(kind, choice, seed, stream) });
  const { seconds } = await process.ask({ train: equal.steps });
  const { fve, l0 } = await process.ask({ evaluate: true });
  await process.ask({ save: folder });
  process.end();
  const piece = { peer, kind, ...choice, seed, fve: fve!, l0: l0!, seconds: seconds!, folder };
  console.error(
    `${peer} ${kind} rate ${choice.rate} coefficient ${choice.coefficient} seed ${seed}: FVE ${fve!.toFixed(4)}, L0 ${l0!.toFixed(1)}, ${seconds!.toFixed(0)} s`,
  );
  writeFileSync(record, JSON.stringify(piece, null, 2));
  return piece;
}

/** How far a piece's L0 is from the wanted one, on a logarithmic scale; up to `MATCHED` it counts as met. */
const distance = ({ l0 }: PeerPiece) => Math.abs(Math.log(Math.max(l0, 0.1) / wantedL0));
const MATCHED = 0.15;

/** Whether `a` is the better choice: of pieces that meet the wanted L0 the one with the higher FVE, else the nearer one. */
const better = (a: PeerPiece, b: PeerPiece): boolean =>
  Math.max(distance(a), distance(b)) < MATCHED ? a.fve > b.fve : distance(a) < distance(b);

/**
 * The choice of a peer for a kind: the best rate at seed 0. Dense kinds come to the wanted L0 by at most five
 * coefficients a rate (secant on the logarithms, since L0 falls about as a power of the coefficient).
 */
export async function bestChoice(peer: Peer, kind: Kind, stream: Stream): Promise<Choice> {
  let best: PeerPiece | undefined;
  const tried: number[] = [...rates];
  for (let i = 0; i < tried.length; i++) {
    const piece = await matched(peer, kind, tried[i]!, best?.coefficient, stream);
    if (best === undefined || better(piece, best)) best = piece;
    if (i === tried.length - 1 && best === piece && tried.length < 8)
      tried.push(Number((1.5 * tried[i]!).toPrecision(3)));
  }
  return { rate: best!.rate, coefficient: best!.coefficient };
}

async function matched(
  peer: Peer,
  kind: Kind,
  rate: number,
  from: number | undefined,
  stream: Stream,
): Promise<PeerPiece> {
  const first = coefficients[peer][kind];
  if (first === undefined) return peerPiece(peer, kind, { rate, coefficient: 0 }, 0, stream);
  const tried: PeerPiece[] = [];
  let coefficient = from ?? first;
  while (tried.length < 5) {
    const piece = await peerPiece(peer, kind, { rate, coefficient }, 0, stream);
    tried.push(piece);
    if (distance(piece) < MATCHED) break;
    const [a, b] = tried.slice(-2);
    const slope = b ? Math.log(b.l0 / a!.l0) / Math.log(b.coefficient / a!.coefficient) : -1;
    const step = Math.log(wantedL0 / Math.max(piece.l0, 0.1)) / (slope < -0.2 ? slope : -1);
    coefficient = Number((coefficient * Math.exp(Math.max(-2, Math.min(2, step)))).toPrecision(3));
  }
  return tried.sort((a, b) => distance(a) - distance(b))[0]!;
}
