/** @file INVENTED features for developing and testing the Studio. No number here was measured; it never ships. */
import { random } from '../../src/core/random.ts';
import type { FeatureSource } from '../../src/studio/features.ts';
import type { FeatureDetail, FeatureRow } from '../../src/studio/shapes.ts';
import { inventedSites } from './invented-study.ts';

const vocabulary =
  'Call me Ishmael . Some years ago never mind how long precisely having little or no money in my purse and nothing particular to interest me on shore I thought I would sail about a little and see the watery part of the world'.split(
    ' ',
  );
const pieces = [
  ' she',
  ' her',
  ' ship',
  ' whale',
  ' sea',
  ' he',
  ' his',
  ' king',
  'ing',
  ' of',
  ' 18',
  ' said',
  '\n',
  ' river',
];

const rowOf = (site: string, id: number): FeatureRow => {
  const source = random(id * 31 + site.length * 7 + Number(/\d+/.exec(site)?.[0] ?? 0));
  return {
    id,
    frequency: 10 ** (-1 - 3 * source.uniform()),
    maxActivation: 2 + 30 * source.uniform() ** 2,
    firesOn: [pieces[source.integer(pieces.length)]!],
    topTokens: Array.from({ length: 4 }, () => pieces[source.integer(pieces.length)]!),
  };
};

function detailOf(site: string, id: number): FeatureDetail {
  const row = rowOf(site, id);
  const source = random(id + 1);
  const passages = Array.from({ length: 12 }, (_, i) => {
    const tokens = Array.from({ length: 34 }, () => ` ${vocabulary[source.integer(vocabulary.length)]!}`);
    const peak = 8 + source.integer(18);
    tokens[peak] = row.topTokens[0]!;
    const activations = tokens.map((_, t) => {
      const near = Math.exp(-((t - peak) ** 2) / 1.2);
      return near > 0.02 || source.uniform() < 0.04 ? row.maxActivation * (near * 0.95 ** i + 0.04) : 0;
    });
    return { tokens, activations, document: ['Moby-Dick', 'River', 'Painting'][i % 3]! };
  });
  return {
    ...row,
    site,
    passages,
    histogram: Array.from({ length: 20 }, (_, i) => ({
      from: (row.maxActivation * i) / 20,
      to: (row.maxActivation * (i + 1)) / 20,
      count: Math.round(900 * Math.exp(-i / 3) * (0.8 + 0.4 * source.uniform())),
    })),
    suppressed: pieces.slice(-5).map((text, i) => ({ text, effect: -0.9 * 0.8 ** i })),
    promoted: row.topTokens.concat(pieces.slice(0, 6)).map((text, i) => ({ text, effect: 1.4 * 0.85 ** i })),
  };
}

/** 2,304 invented features at each invented site. */
export const inventedFeatures: FeatureSource = {
  async list(site, { sort, q, limit, offset }) {
    if (!inventedSites.includes(site)) return undefined;
    let rows = Array.from({ length: 2304 }, (_, id) => rowOf(site, id));
    if (q) rows = rows.filter((row) => String(row.id) === q || row.topTokens.some((t) => t.includes(q)));
    if (sort === 'max') rows.sort((a, b) => b.maxActivation - a.maxActivation);
    if (sort === 'frequency') rows.sort((a, b) => b.frequency - a.frequency);
    return { total: rows.length, rows: rows.slice(offset, offset + limit) };
  },
  async read(site, id) {
    return inventedSites.includes(site) && id < 2304 ? detailOf(site, id) : undefined;
  },
  async close() {},
};
