/** @file Effects of one long prompt in a process of its own: seconds and peak memory for a bound on the tokens of a run. */
import { costatesAt } from '../../src/circuits/costates.ts';
import { networkOf } from '../../src/circuits/cuts.ts';
import type { Pairs } from '../../src/circuits/examples.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { openTokenModel } from '../../src/models/open.ts';
import { openSession } from '../../src/runtime/session.ts';

const [positions, tokensPerRun, threads] = process.argv.slice(2).map(Number) as [number, number, number];
const model = await openTokenModel('smollm2-135m', { progress: silent });
const network = networkOf(model);
const chance = random(0);
const ids = Int32Array.from({ length: positions }, () => 100 + chance.integer(40_000));
const pairs: Pairs = {
  ...{ examples: 1, positions, clean_BT: ids, patch_BT: ids },
  answer_B: Int32Array.of(354),
  wrong_B: Int32Array.of(359),
};
const before = process.memoryUsage().rss;
const started = performance.now();
const sites = network.places.filter((p) => /attn_out|mlp_out|resid_post/.test(p.site)).map((p) => p.site);
const found = await costatesAt(network, sites, pairs, {
  open: (graph) => openSession(graph, { threads }),
  ...{ tokensPerRun, threads },
});
const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
console.log(
  JSON.stringify({
    ...{ positions, tokensPerRun, sites: sites.length },
    seconds: Number(((performance.now() - started) / 1000).toPrecision(3)),
    modelMiB: mib(before),
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    checksum: Object.values(found).reduce((sum, x) => sum + Math.abs(x[x.length - 1]!), 0),
  }),
);
