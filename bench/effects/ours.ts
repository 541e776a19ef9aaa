/** @file Our side of the benchmark of effects as a process: the same messages as common.py's serve(). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Network, networkOf } from '../../src/circuits/cuts.ts';
import { type Pairs, pickPairs, range } from '../../src/circuits/examples.ts';
import { type DictionaryAt, streamedEffects } from '../../src/circuits/streamed-effects.ts';
import { silent } from '../../src/core/progress.ts';
import type { Dictionary, Floats } from '../../src/dictionaries/types.ts';
import { openSafetensors } from '../../src/files/safetensors.ts';
import { openTokenModel } from '../../src/models/open.ts';
import type { Model } from '../../src/models/types.ts';
import { openSession } from '../../src/runtime/session.ts';
import type { Answer, Command, Method, Settings } from './settings.ts';

/** Tokens of a run: more share the fixed cost of a run, fewer stay in the cache. */
const TOKENS_PER_RUN = 500;
const methods: Record<Method, string> = { attrib: 'attribution-patching', ig: 'left-10' };

let settings: Settings;
let model: Model;
let network: Network;
let pairs: Pairs;
let sources: (DictionaryAt & { readonly peer: string })[];

/** The peers' names of sites and ours, by depth. */
const siteNames = (layers: number): (readonly [peer: string, ours: string])[] => [
  ['embed', 'hook_embed'],
  ...Array.from({ length: layers }, (_, l) => [
    [`attn_${l}`, `blocks.${l}.hook_attn_out`] as const,
    [`mlp_${l}`, `blocks.${l}.hook_mlp_out`] as const,
    [`resid_${l}`, `blocks.${l}.hook_resid_post`] as const,
  ]).flat(),
];

async function openDictionary(peer: string, site: string): Promise<Dictionary> {
  const file = await openSafetensors(join(settings.folder, `${peer}.safetensors`));
  try {
    const floats = (name: string) => file.read(name).data as Floats;
    const [features, width] = file.info('W_enc').shape as [number, number];
    return {
      ...{ architecture: 'relu', activation: { kind: 'relu' }, site, modelHash: model.hash },
      ...{ width, features, W_enc_FD: floats('W_enc'), b_enc_F: floats('b_enc') },
      ...{ W_dec_FD: floats('W_dec'), b_dec_D: new Float32Array(width), sinkNorm: Number.POSITIVE_INFINITY },
    };
  } finally {
    file.close();
  }
}

async function setup(given: Settings): Promise<Answer> {
  settings = given;
  model = await openTokenModel(join(given.folder, 'model'), { progress: silent });
  network = networkOf(model);
  const read = JSON.parse(readFileSync(join(given.folder, 'pairs.json'), 'utf8')) as {
    clean: number[][];
    patch: number[][];
    answer: number[];
    wrong: number[];
  };
  pairs = {
    examples: read.clean.length,
    positions: read.clean[0]!.length,
    clean_BT: Int32Array.from(read.clean.flat()),
    patch_BT: Int32Array.from(read.patch.flat()),
    answer_B: Int32Array.from(read.answer),
    wrong_B: Int32Array.from(read.wrong),
  };
  sources = siteNames(model.shape.layers).map(([peer, site]) => ({
    ...{ peer, site },
    open: () => openDictionary(peer, site),
  }));
  return {};
}

async function run(method: Method, from: number, to: number): Promise<Answer> {
  const begun = performance.now();
  const before = process.cpuUsage();
  const { threads } = settings;
  const sums: [string, number, number][] = [];
  const effects = streamedEffects(
    network,
    sources,
    pickPairs(pairs, range(from, to)),
    { method: methods[method] },
    { open: (graph) => openSession(graph, { threads }), tokensPerRun: TOKENS_PER_RUN, threads },
  );
  for await (const { site, featureSums_B, errorSums_B } of effects) {
    const sum = (values: Float64Array) => values.reduce((total, v) => total + v, 0);
    sums.push([sources.find((s) => s.site === site)!.peer, sum(featureSums_B), sum(errorSums_B)]);
  }
  const { user, system } = process.cpuUsage(before);
  return {
    seconds: (performance.now() - begun) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: 1024 * process.resourceUsage().maxRSS,
    sums,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  const answer =
    'setup' in command ? await setup(command.setup) : await run(command.run, command.from, command.to);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
// Native sessions would keep the process alive.
process.exit(0);
