/**
 * @file Dictionary training side by side with SAELens and dictionary_learning: tokens a second, L0, memory, share of the product.
 *
 *   npm run bench:sae [-- --kind topk,relu] [--size 512x8192] [--rounds 5] [--steps 8] [--save] [--json]
 *
 * Every round runs each trainer for `steps` of its own training steps, one after the other (A B C A B C …), on the same
 * rows in the same order. The ratio of a round is ours to the faster peer of that round; of a case the median over the rounds
 * that count: all for TopK and BatchTopK, those in which at most a twentieth of our features is active for the dense kinds.
 * Their first two rounds show the start of a run, where half of all features are active; then ours goes on alone until few are,
 * because a step of either peer takes the same time at any L0, and hundreds of their steps would tell nothing.
 * Beside ours run its variants (`cases.ts`): without what makes it fast, and dense kinds at more and fewer active features, on which
 * its speed depends.
 * Peak memory is measured in fresh processes that train five steps and do nothing else. --save puts each case into
 * bench/results/sae.json as soon as it is finished, and leaves the others there as they are: a run can be made in pieces.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { quantile } from '../../src/core/statistics.ts';
import { describeMachine } from '../machine.ts';
import { type Contestant, contestant, oursFrom, peersPython, peerVersions } from '../peers.ts';
import { loadResult, resultText, saveResult } from '../results.ts';
import { activationStream } from './activations.ts';
import {
  caseSettings,
  dense,
  EXACT,
  type Kind,
  kinds,
  type Size,
  SPARSE,
  sizes,
  variantsOf,
} from './cases.ts';
import type { Answer, Command, Settings } from './settings.ts';

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: kinds.join(',') },
    size: { type: 'string', default: Object.keys(sizes).join(',') },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '8' },
    // Steps of every trainer before the first round.
    before: { type: 'string', default: '2' },
    // Steps that our trainer alone goes ahead after the second round, dense kinds only: see above.
    lead: { type: 'string', default: '45' },
    'skip-memory': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const steps = Number(values.steps);
const before = Number(values.before);
const tell = (text: string) => console.error(text);
const median = (numbers: number[]) => quantile(numbers, 0.5);
const round = (value: number, digits = 4) => Number(value.toPrecision(digits));

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const requirements = beside('requirements.txt');
const PEERS = ['saelens', 'dictionary_learning'] as const;
const OURS = 'untangle';

type Trainee = Contestant<Command, Answer>;
interface Round {
  readonly tokensPerSecond: Record<string, number>;
  /** Active features a row, on held-out rows, after the round. */
  readonly l0: Record<string, number>;
  readonly ratio: number;
  /** The same of our variants, by name. */
  readonly variants: Record<string, number>;
  readonly counts: boolean;
  /** The product alone to a step with the exact product. */
  readonly encoderShare: number;
  readonly productMs: number;
  readonly phases: Record<string, number>;
}

await buildKernels();
const python = peersPython({ requirements, venv: '.venv-peers', variable: 'UNTANGLE_PEERS_PYTHON' });
const ours = (name: string = OURS): Trainee => ({ ...oursFrom<Command, Answer>(beside('ours.ts')), name });
const peer = (name: string): Trainee => contestant(name, python, [beside('peer.py'), name]);

/** The best layout of the product by size: the same for all kinds; searched once, also when a result is made in pieces. */
const layouts = new Map<Size, string>(
  (loadResult<{ rows: { width: number; encoderProduct: string }[] }>('sae')?.rows ?? []).flatMap((row) => {
    const size = (Object.keys(sizes) as Size[]).find((name) => sizes[name][0] === row.width);
    return size ? [[size, row.encoderProduct] as const] : [];
  }),
);

const rows = [];
for (const kind of values.kind.split(',') as Kind[])
  for (const size of values.size.split(',') as Size[]) rows.push(await measure(kind, size));
if (values.json) process.stdout.write(resultText(rows));

async function measure(kind: Kind, size: Size) {
  const base = caseSettings(kind, size);
  const stream = await activationStream(base.width, base.threads, () => {});
  const lead = dense.has(kind) ? Number(values.lead) : 0;
  const total = before + lead + rounds * steps + 1;
  const settings: Settings = { ...base, ...stream, steps: total, decayStart: total };
  const us = ours();
  // Kinds that count find candidates by a product of bytes and compute them again in float32.
  const counts = !dense.has(kind);
  const variants = variantsOf(kind, size).map((v) => ({ ...v, trainee: ours(v.name) }));
  const peers = PEERS.map(peer);
  const trainees = [us, ...variants.map((v) => v.trainee), ...peers];
  for (const t of trainees) {
    const changed = variants.find((v) => v.trainee === t)?.settings;
    await t.ask({ setup: { ...settings, screened: counts && t === us, ...changed } });
  }
  for (const t of trainees) await t.ask({ train: before });
  const known = layouts.get(size);
  const choice = await us.ask({ product: 1, ...(known === undefined ? {} : { layout: known }) });
  layouts.set(size, choice.layout!);
  const results: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    if (i === 2 && lead > 0)
      for (const t of trainees.filter((t) => !peers.includes(t))) await t.ask({ train: lead });
    const own = await us.ask({ train: steps });
    const product = (await us.ask({ product: steps })).seconds! / steps;
    const speed: Record<string, number> = { [us.name]: (steps * settings.batch) / own.seconds! };
    for (const t of trainees.slice(1))
      speed[t.name] = (steps * settings.batch) / (await t.ask({ train: steps })).seconds!;
    const l0: Record<string, number> = {};
    for (const t of trainees) l0[t.name] = round((await t.ask({ evaluate: true, rows: 512 })).l0!);
    const faster = Math.max(...peers.map((t) => speed[t.name]!));
    results.push({
      tokensPerSecond: Object.fromEntries(Object.entries(speed).map(([name, v]) => [name, Math.round(v)])),
      l0,
      ratio: round(speed[us.name]! / faster),
      variants: Object.fromEntries(variants.map(({ name }) => [name, round(speed[name]! / faster)])),
      counts: counts || l0[us.name]! <= SPARSE * settings.features,
      encoderShare: round((product * speed[counts ? EXACT : OURS]!) / settings.batch),
      productMs: round(1000 * product),
      phases: Object.fromEntries(Object.entries(own.phases!).map(([name, ms]) => [name, round(ms)])),
    });
    tell(`${kind} ${size}, round ${i + 1}: ${JSON.stringify(results.at(-1))}`);
  }
  const fve: Record<string, number> = {};
  for (const t of trainees) {
    fve[t.name] = round((await t.ask({ evaluate: true, rows: 2048 })).fve!);
    t.end();
  }
  const counted = results.filter((r) => r.counts);
  const speedOf = (name: string) => Math.round(median(counted.map((r) => r.tokensPerSecond[name]!)));
  const fastest = counted.length === 0 ? undefined : [...PEERS].sort((a, b) => speedOf(b) - speedOf(a))[0]!;
  const memory = values['skip-memory'] ? undefined : await memories({ ...settings, screened: counts });
  const row = {
    ...{ kind, width: settings.width, features: settings.features, k: settings.k, batch: settings.batch },
    ratio: counted.length === 0 ? null : median(counted.map((r) => r.ratio)),
    roundsCounted: counted.length,
    ratioWholeRun: median(results.map((r) => r.ratio)),
    tokensPerSecond: counted.length === 0 ? null : speedOf(us.name),
    fasterPeer: fastest ?? null,
    peerTokensPerSecond: fastest ? speedOf(fastest) : null,
    encoderShare: median((counted.length > 0 ? counted : results).map((r) => r.encoderShare)),
    encoderProduct: choice.layout,
    productCandidatesMs: choice.phases,
    variants: variants.map(({ name, settings: own }) => {
      // Those at another L0 have it once they have gone ahead.
      const some = own.sparsityTarget === undefined ? counted : results.slice(2);
      return {
        name,
        ratio: median(some.map((r) => r.variants[name]!)),
        tokensPerSecond: Math.round(median(some.map((r) => r.tokensPerSecond[name]!))),
        l0: round(median(some.map((r) => r.l0[name]!)), 3),
      };
    }),
    fve,
    fveAfterTokens: (before + rounds * steps) * settings.batch,
    ...(memory ? { memory } : {}),
    settings: {
      rate: settings.rate,
      warmUp: settings.warmUp,
      coefficient: settings.coefficient,
      threads: settings.threads,
    },
    command: `npm run bench:sae -- --kind ${kind} --size ${size} --rounds ${rounds} --steps ${steps} --before ${before} --lead ${lead}`,
    date: new Date().toISOString().slice(0, 10),
    rounds: results,
  };
  tell(
    `${kind} ${size}: ratio ${row.ratio} (whole run ${row.ratioWholeRun}), encoder share ${row.encoderShare}, memory ${memory?.ratio ?? '–'}`,
  );
  if (values.save) merge(row, stream.source);
  return row;
}

/** Peaks of fresh processes that load the stream and train five steps. */
async function memories(settings: Settings) {
  const peaks: Record<string, number> = {};
  for (const name of ['untangle', ...PEERS]) {
    const t = name === 'untangle' ? ours() : peer(name);
    await t.ask({ setup: settings });
    await t.ask({ train: 5 });
    peaks[name] = Math.round((await t.ask({ memory: true })).peakMiB!);
    t.end();
  }
  const smaller = Math.min(...PEERS.map((name) => peaks[name]!));
  return { peakMiB: peaks, ratio: round(peaks.untangle! / smaller, 3) };
}

interface Row {
  readonly kind: string;
  readonly width: number;
  readonly features: number;
}

/** Puts a case's row into the committed result, in place of the row of the same case. */
function merge(row: Row, source: string): void {
  const order = (r: Row) =>
    kinds.indexOf(r.kind as Kind) * 2 + Object.values(sizes).findIndex(([w]) => w === r.width);
  const old = loadResult<{ rows: Row[] }>('sae')?.rows ?? [];
  const same = (r: Row) => r.kind === row.kind && r.width === row.width && r.features === row.features;
  saveResult('sae', {
    what: 'dictionary training, interleaved with SAELens and dictionary_learning; ratio: median over the rounds that count, ours to the faster peer of the round',
    command: 'npm run bench:sae -- --save',
    machine: describeMachine(),
    versions: peerVersions(python, requirements),
    stream: source,
    rows: [...old.filter((r) => r.kind !== undefined && !same(r)), row].sort((a, b) => order(a) - order(b)),
  });
}
