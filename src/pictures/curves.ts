/** @file The curves of the journey: learning, faithfulness by circuit size, bias by strength of the edit. */
import type { Estimate } from '../core/statistics.ts';
import { categories, nullGrey } from './colours.ts';
import { type Line, linesPicture } from './lines.ts';
import { fixed, percent, plain } from './scale.ts';
import type { Size } from './svg.ts';

/** A point with its interval; one that is not known (NaN, or null after JSON) is left out. */
const points = (rows: readonly { x: number; estimate: Estimate }[]) =>
  rows.map(({ x, estimate: { value, low, high } }) =>
    Number.isFinite(low) && Number.isFinite(high) ? { x, y: value, low, high } : { x, y: value },
  );

export interface SizeRow {
  readonly nodes: number;
  readonly faithfulness: Estimate;
  readonly completeness: Estimate;
  readonly random: Estimate;
}

/** Faithfulness and completeness over the number of nodes, random circuits of the same sizes and those of neurons beside them. */
export function faithfulnessPicture(
  curve: readonly SizeRow[],
  chosen: number | undefined,
  size: Size,
  neurons: readonly Pick<SizeRow, 'nodes' | 'faithfulness'>[] = [],
): string {
  const line = (pick: (row: SizeRow) => Estimate) =>
    points(curve.map((row) => ({ x: row.nodes, estimate: pick(row) })));
  return linesPicture(
    [
      { name: 'circuit', colour: categories[0], points: line((row) => row.faithfulness) },
      { name: 'what is left', colour: categories[4], points: line((row) => row.completeness) },
      { name: 'random', colour: nullGrey, dashed: true, points: line((row) => row.random) },
      ...(neurons.length === 0
        ? []
        : [
            {
              name: 'neurons',
              colour: categories[2],
              points: points(neurons.map((row) => ({ x: row.nodes, estimate: row.faithfulness }))),
            },
          ]),
    ],
    {
      ...size,
      label:
        'Share of the behaviour that the circuit carries alone, by its number of nodes, beside random circuits and circuits of neurons',
      x: 'nodes in the circuit',
      y: 'share of the behaviour',
      logX: true,
      reach: [0, 1],
      formatX: (v) => fixed(v, 0),
      formatY: (v) => percent(v),
      ...(chosen === undefined ? {} : { mark: { x: chosen, name: `${chosen} nodes` } }),
    },
  );
}

export interface StrengthRow {
  readonly method: string;
  readonly strength: number;
  readonly biasAfter: Estimate;
}

const methods: Record<string, { name: string; colour: string; dashed?: boolean }> = {
  features: { name: 'circuit features', colour: categories[0] },
  'mean-ablation': { name: 'mean ablation', colour: categories[4] },
  random: { name: 'random features', colour: nullGrey, dashed: true },
};

/** How a method of editing is called and drawn, everywhere. */
export const methodStyle = (method: string) => methods[method] ?? { name: method, colour: categories[2] };

/** Bias that remains, by strength and method; strength 0 is the untouched model. */
export function strengthPicture(rows: readonly StrengthRow[], before: Estimate, size: Size): string {
  const names = [...new Set(rows.map((row) => row.method))];
  const lines: Line[] = names.map((method) => ({
    ...methodStyle(method),
    points: points([
      { x: 0, estimate: before },
      ...rows
        .filter((row) => row.method === method)
        .map((row) => ({ x: row.strength, estimate: row.biasAfter })),
    ]),
  }));
  return linesPicture(lines, {
    ...size,
    label:
      'Bias that remains by strength of the edit, for circuit features, random features and mean ablation',
    x: 'strength (1 = switched off)',
    y: 'bias that remains (log-odds)',
    names: 128,
    formatY: (v) => fixed(v, 1),
    formatX: (v) => fixed(v, v % 1 === 0 ? 0 : v % 0.5 === 0 ? 1 : 2),
  });
}

/** Share of variance explained while the features are learned, one line per site. */
export function learningPicture(
  sites: readonly {
    readonly name: string;
    readonly curve: readonly { tokens: number; fve: number }[];
    /** Index of its colour; its place in the list when left out. */
    readonly colour?: number;
  }[],
  size: Size,
): string {
  return linesPicture(
    sites.map((site, i) => ({
      name: site.name,
      colour: categories[(site.colour ?? i) % categories.length]!,
      points: site.curve.map((p) => ({ x: p.tokens, y: p.fve })),
    })),
    {
      ...size,
      label: 'Share of the variance that the features explain, while they are being learned',
      x: 'tokens seen',
      y: 'variance explained (FVE)',
      reach: [0, 1],
      formatX: (v) => (v >= 1e6 ? `${plain(v / 1e6)}M` : v >= 1000 ? `${plain(v / 1000)}k` : fixed(v, 0)),
      formatY: (v) => percent(v),
    },
  );
}

export interface ComparedDictionary {
  /** What is different from the others, e.g. `features=512 k=16`. */
  readonly name: string;
  readonly architecture?: string;
  readonly l0: number;
  readonly fve: number;
}

/** Parts of a name that move along a line; what is left tells the lines apart. */
const moving = /^(k|targetL0|penalty)=/;

/** Variance explained against the number of active features: dictionaries that differ only in sparsity lie on one line. */
export function frontierPicture(rows: readonly ComparedDictionary[], size: Size): string {
  const lineOf = ({ name, architecture }: ComparedDictionary) =>
    [architecture ?? '', ...name.split(' ').filter((part) => !moving.test(part))].filter(Boolean).join(' ');
  const names = [...new Set(rows.map(lineOf))];
  return linesPicture(
    names.map((name, i) => ({
      name,
      colour: categories[i % categories.length]!,
      points: rows.filter((row) => lineOf(row) === name).map((row) => ({ x: row.l0, y: row.fve })),
    })),
    {
      ...size,
      label: 'Share of the variance that each dictionary explains, by its number of active features',
      x: 'active features at one token (L0)',
      y: 'variance explained (FVE)',
      logX: true,
      names: 150,
      formatX: (v) => plain(v),
      formatY: (v) => percent(v, 1),
    },
  );
}
