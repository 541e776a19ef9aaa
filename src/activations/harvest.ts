/** @file Harvest: the network runs over windows of text, and the activations at some sites stream to disk. */
import { DataError, throwIfAborted } from '../core/errors.ts';
import { contentHash } from '../core/hash.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { sizeOf } from '../core/tensor.ts';
import type { Window } from '../data/windows.ts';
import { removeTemporaries } from '../files/atomic.ts';
import { only } from '../graph/interventions.ts';
import { inferShapes } from '../graph/shapes.ts';
import type { Graph } from '../graph/types.ts';
import type { SiteLayout } from './batch.ts';
import { finishSite } from './finish.ts';
import {
  type HarvestResult,
  loadManifest,
  loadResult,
  saveManifest,
  saveResult,
  windowsHash,
} from './manifest.ts';
import { recordShards } from './record.ts';
import { type Storage, siteFolder } from './shards.ts';
import { sinkRule } from './sinks.ts';

export type { HarvestResult, HarvestSite } from './manifest.ts';

export interface HarvestOptions extends WorkContext {
  /** The network and a hash of its weights; any Model will do. */
  readonly model: { readonly graph: Graph; readonly hash: string };
  readonly windows: readonly Window[];
  /** Values of shape [batch, position, …]; what follows position is flattened. */
  readonly sites: readonly string[];
  readonly folder: string;
  /** Windows run on this many threads at once, each with a session of its own. */
  readonly threads: number;
  /** Norms above this many medians are left out. Default 7. */
  readonly maxNormRatio?: number;
  /** At most this share of positions beside the first is left out. Default 0.001. */
  readonly shareLeftOut?: number;
  /** Thresholds to take instead of finding them, by site: those of training, for held-out text. */
  readonly thresholds?: Readonly<Record<string, number>>;
  /** Windows per run. Default 8. */
  readonly batch?: number;
  /** Windows per shard; a stopped harvest loses at most two shards. Default 32. */
  readonly shardWindows?: number;
  readonly storage?: Storage;
}

/**
 * Harvests all windows at all sites. The graph is cut down to what the sites need, so it runs only as deep as the
 * deepest. Memory holds three shards at most. A folder with finished shards of the same
 * harvest is gone on from; a finished one is returned at once. The same input gives the same bytes.
 * @throws GraphError `graph.unknown-site`; DataError `activations.no-windows`, `activations.no-rows`,
 *   `activations.not-finite`, `activations.overflow`, `activations.other-harvest`; FileError `disk.full`
 */
export async function harvest(options: HarvestOptions): Promise<HarvestResult> {
  const { model, windows, folder, progress } = options;
  const sites = [...new Set(options.sites)];
  if (!windows.some((w) => w.tokens.length > 1) || sites.length === 0) {
    throw new DataError(
      'activations.no-windows',
      `nothing to harvest: ${windows.length} windows, ${sites.length} sites`,
      {
        where: folder,
        hint: 'give windows of at least two tokens (the first position is never kept) and at least one site',
      },
    );
  }
  const { batch = 8, shardWindows = 32, storage = 'fitting' } = options;
  const rule = {
    ratio: options.maxNormRatio ?? sinkRule.ratio,
    share: options.shareLeftOut ?? sinkRule.share,
  };
  const thresholds = options.thresholds ?? {};
  const dependsOn = {
    version: 1,
    model: model.hash,
    sites: [...sites].sort(),
    windows: windowsHash(windows),
  };
  const key = contentHash({ ...dependsOn, rule, thresholds, batch, shardWindows, storage });
  const total = windows.reduce((sum, w) => sum + w.tokens.length, 0);
  const begun = await loadManifest(folder, key);
  const done = await loadResult(folder);
  if (done?.key === key) {
    progress({ type: 'end', task: 'harvest', seconds: 0, cached: true });
    return done;
  }
  const graph = only(model.graph, sites);
  const layouts = siteLayouts(graph, sites);
  // Written first, so that a disk that refuses is met before the network runs.
  await saveManifest(folder, begun);
  for (const { site } of layouts) await removeTemporaries(siteFolder(folder, site));
  const task = {
    task: 'harvest',
    label: `Record activations at ${sites.length} sites`,
    total,
    unit: 'tokens',
  };
  return track(progress, task, async (advance) => {
    const recording = { ...options, graph, layouts, batch, shardWindows };
    const shards = await recordShards(recording, begun, advance);
    const results = [];
    for (const { site, width } of layouts) {
      throwIfAborted(options.signal);
      results.push(
        await finishSite({
          folder,
          site,
          width,
          storage: shards.storage[site]!,
          shards: shards.shards,
          windows: windows.length,
          rule,
          threshold: thresholds[site],
        }),
      );
    }
    const { seconds } = shards;
    const tokensPerSecond = seconds > 0 ? total / seconds : 0;
    const result = { key, windows: windows.length, tokens: total, seconds, tokensPerSecond, sites: results };
    await saveResult(folder, result);
    return result;
  });
}

/** How each site lies in memory. @throws DataError `activations.no-rows` */
function siteLayouts(graph: Graph, sites: readonly string[]): SiteLayout[] {
  const shapes = inferShapes(graph);
  return sites.map((site) => {
    const { shape, dtype } = shapes.get(site)!;
    const dims = shape.slice(2).filter((dim) => typeof dim === 'number');
    const width = sizeOf(dims);
    const perPosition = shape[0] === 'batch' && shape[1] === 'position' && dims.length === shape.length - 2;
    if (dtype === 'float32' && perPosition && width > 0) return { site, dims, width };
    throw new DataError(
      'activations.no-rows',
      `"${site}" is ${dtype} [${shape.join(', ')}]: no row per position`,
      {
        where: site,
        hint: 'choose a site of shape [batch, position, width], such as blocks.0.hook_resid_post',
      },
    );
  });
}
