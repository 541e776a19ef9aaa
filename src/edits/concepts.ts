/** @file A task's contrast as a concept: states at a site with the answer that each prompt calls for, and edits fitted to them. */
import type { Network } from '../circuits/cuts.ts';
import type { Pairs } from '../circuits/examples.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { EditError, throwIfAborted } from '../core/errors.ts';
import { f64, i64 } from '../core/tensor.ts';
import { only, replaceAt, standingAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { Eraser, LabelledRows } from './erasure/eraser.ts';
import { inlp } from './erasure/inlp.ts';
import { leace } from './erasure/leace.ts';
import { meanDifference } from './erasure/mean-difference.ts';
import { eraserChange } from './kinds/erase.ts';
import type { Change } from './kinds/registry.ts';
import type { Feeds } from './measure.ts';

/** Edits that are fitted to a concept. */
export const conceptKinds = ['leace', 'inlp', 'mean-difference', 'steer'] as const;
export type ConceptKind = (typeof conceptKinds)[number];

/**
 * The concept of each prompt, clean sides first: 0 or 1 where a task has two answers, else one column for each answer
 * but the first.
 */
export function conceptOf(pairs: Pairs): Pick<LabelledRows, 'z_NZ' | 'concepts'> {
  const called = [...pairs.answer_B, ...pairs.wrong_B];
  const answers = [...new Set(called)].sort((a, b) => a - b);
  const concepts = Math.max(1, answers.length - 1);
  const z_NZ = new Float64Array(called.length * concepts);
  called.forEach((answer, n) => {
    const at = answers.indexOf(answer) - 1;
    if (at >= 0) z_NZ[n * concepts + at] = 1;
  });
  return { z_NZ, concepts };
}

/** States at the last position of both sides of all pairs, clean sides first: [2 · examples, D]. */
export async function lastStates(
  graph: Graph,
  site: string,
  pairs: Pairs,
  run: RunOptions,
  feeds: Feeds = {},
): Promise<{ readonly x_ND: Float32Array; readonly width: number }> {
  const last = replaceAt(graph, site, (b, x) => b.op('Gather', [x, b.ints(-1)], { axis: { int: 1 } }));
  const value = standingAt(last, site);
  const session = await run.open(only(last, [value]));
  const { examples, positions, clean_BT, patch_BT } = pairs;
  const rows: Float32Array[] = [];
  try {
    for (const ids of [clean_BT, patch_BT]) {
      const most = Math.max(1, Math.floor(run.tokensPerRun / positions));
      for (let from = 0; from < examples; from += most) {
        throwIfAborted(run.signal);
        const to = Math.min(examples, from + most);
        const tokens = i64([to - from, positions], ids.subarray(from * positions, to * positions));
        rows.push((await session.run({ tokens, ...feeds }))[value]!.data as Float32Array);
      }
    }
  } finally {
    await session.release();
  }
  const total = rows.reduce((sum, r) => sum + r.length, 0);
  const x_ND = new Float32Array(total);
  let at = 0;
  for (const r of rows) {
    x_ND.set(r, at);
    at += r.length;
  }
  return { x_ND, width: total / (2 * examples) };
}

/**
 * A change at `site` that takes a task's contrast out (or, by `steer`, adds the difference of its answers' means),
 * fitted to its train pairs at their last position.
 * @throws EditError `edit.no-carrier` (nothing there tells the answers apart), `edit.one-value`, `edit.shape`
 */
export async function fitConcept(
  network: Network,
  kind: ConceptKind,
  site: string,
  pairs: Pairs,
  run: RunOptions,
): Promise<Change> {
  const source: LabelledRows = {
    ...(await lastStates(network.graph, site, pairs, run)),
    ...conceptOf(pairs),
  };
  if (kind === 'steer') return differenceOfMeans(site, source);
  const eraser =
    kind === 'leace'
      ? leace(source)
      : kind === 'inlp'
        ? await inlp(source, run.signal ? { signal: run.signal } : {})
        : meanDifference(source);
  return eraserChange(site, carried(eraser, site), { skipFirst: true });
}

function carried(eraser: Eraser, site: string): Eraser {
  if (eraser.rank > 0) return eraser;
  throw noCarrier(site);
}

const noCarrier = (site: string) =>
  new EditError('edit.no-carrier', `nothing at "${site}" carries the concept`, {
    where: site,
    hint: 'the answers cannot be told apart there: choose a later site, or other examples',
  });

/** The difference of the means of the two answers; its direction is that of the eraser, its length is found here. */
function differenceOfMeans(site: string, source: LabelledRows): Change {
  const { x_ND, width, z_NZ } = source;
  const { U_DK } = meanDifference(source);
  const sums = [0, 0];
  const counts = [0, 0];
  for (let n = 0; n < z_NZ.length; n++) {
    const group = z_NZ[n]! > 0.5 ? 1 : 0;
    counts[group]!++;
    for (let d = 0; d < width; d++) sums[group]! += U_DK[d]! * x_ND[n * width + d]!;
  }
  const length = sums[1]! / counts[1]! - sums[0]! / counts[0]!;
  return {
    kind: 'steer',
    site,
    strength: 1,
    by: 1,
    unit: 'raw',
    vector: f64(
      [width],
      U_DK.map((u) => length * u),
    ),
    positions: { skipFirst: true },
  };
}
