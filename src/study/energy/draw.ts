/** @file Pictures of energy results, the same for command line and Studio: flow, budget, leaks by rule, block energies. */
import type { BlockEnergies, Canonicity, CutRules, EnergyFlow } from '../../energy/depth/types.ts';
import type { SequenceResult } from '../../energy/sequence/types.ts';
import { type BudgetRow, budgetPicture, cutLabel } from '../../pictures/budget.ts';
import { categories, nullGrey } from '../../pictures/colours.ts';
import { dotsPicture } from '../../pictures/dots.ts';
import {
  clockSeriesPicture,
  type FeatureMotion,
  featurePhasePicture,
} from '../../pictures/feature-motion.ts';
import { linesPicture } from '../../pictures/lines.ts';
import { type SankeyFlow, sankeyPicture } from '../../pictures/sankey.ts';
import { fixed, percent } from '../../pictures/scale.ts';
import type { Size } from '../../pictures/svg.ts';
import type { FeatureTrace } from './types.ts';

/** What a band of the flow is called. @param labels names of positions */
export function bandName(
  { kind, feature, position }: EnergyFlow['cuts'][number]['nodes'][number],
  labels: readonly string[],
): string {
  switch (kind) {
    case 'feature':
      return `f${feature}`;
    case 'other':
      return 'other features';
    case 'errors':
      return 'errors';
    case 'answer':
      return 'answer';
    default:
      return labels[position ?? 0] ?? `position ${(position ?? 0) + 1}`;
  }
}

/** Every node of the flow by its id as words: `f12 at block 11`. */
export const nodeNames = (flow: EnergyFlow, labels: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    flow.cuts.flatMap((cut) =>
      cut.nodes.map((node) => [
        node.id,
        node.kind === 'token' || node.kind === 'answer'
          ? bandName(node, labels)
          : `${bandName(node, labels)} at ${cutLabel(cut.site)}`,
      ]),
    ),
  );

/** The flow as columns of bands. */
export const sankeyOf = (flow: EnergyFlow, labels: readonly string[]): SankeyFlow => ({
  deltaM: flow.deltaM,
  links: flow.flows,
  columns: flow.cuts.map(({ site, nodes, complete, energy }, i) => ({
    name:
      i === 0 && nodes.some((node) => node.kind === 'token')
        ? 'words'
        : site === 'metric'
          ? 'answer'
          : cutLabel(site),
    ...(complete && site !== 'metric' ? { energy } : {}),
    bands: nodes.map((node) => ({
      ...{ id: node.id, kind: node.kind, energy: node.energy },
      name: bandName(node, labels),
    })),
  })),
});

export const flowPicture = (
  flow: EnergyFlow,
  labels: readonly string[],
  title: string,
  size: Size,
  id?: string,
): string =>
  sankeyPicture(
    sankeyOf(flow, labels),
    size,
    `Energy flow (depth clock) from the words through ${flow.cuts.length - 2} cuts to the answer: ${title}`,
    id,
  );

/** Cuts with a dictionary by one rule, as rows of the budget picture. */
export const budgetRows = (cuts: readonly CutRules[], rule: string): BudgetRow[] =>
  cuts.flatMap(({ cut, site, deltaM, rules }) => {
    const found = rules.find((one) => one.rule === rule);
    return found?.features === undefined || found.errors === undefined
      ? []
      : [{ cut, site, deltaM, features: found.features, errors: found.errors }];
  });

/** Budget where there are dictionaries, else the leak of each rule at each cut. */
export function cutsPicture(cuts: readonly CutRules[], rule: string, size: Size): string {
  const rows = budgetRows(cuts, rule);
  if (rows.length > 0)
    return budgetPicture(
      rows,
      size,
      `Energy budget per cut (depth clock) by ${rule}: features, error nodes and leak`,
    );
  return leaksPicture(cuts, size);
}

/** What each rule loses at each cut, on a logarithmic scale. */
export const leaksPicture = (cuts: readonly CutRules[], size: Size): string =>
  linesPicture(
    (cuts[0]?.rules ?? []).map(({ rule }, i) => ({
      name: rule,
      colour: categories[i % categories.length]!,
      points: cuts.flatMap((cut) => {
        const found = cut.rules.find((one) => one.rule === rule);
        return found ? [{ x: cut.cut, y: found.leak }] : [];
      }),
    })),
    {
      ...size,
      label: 'Share of the whole effect that each quadrature rule loses, cut by cut (depth clock)',
      x: 'cut (blocks passed)',
      y: 'leak, share of the whole effect',
      logY: true,
      names: 150,
      formatX: (v) => fixed(v, 0),
      formatY: (v) => percent(v, v < 0.01 ? 2 : 0),
    },
  );

/** h_l of every block; dashed, what would be there if nothing cancelled. */
export const blocksPicture = ({ blocks }: Pick<BlockEnergies, 'blocks'>, size: Size): string =>
  linesPicture(
    [
      {
        name: 'h of the block',
        colour: categories[0],
        points: blocks.map(({ block, energy }) => ({ x: block, y: energy })),
      },
      {
        name: 'without cancelling',
        colour: nullGrey,
        dashed: true,
        points: blocks.map(({ block, size: all }) => ({ x: block, y: all })),
      },
    ],
    {
      ...size,
      label: 'Block Hamiltonian h (depth clock) of each residual block: costate times what the block writes',
      x: 'block',
      y: 'energy, in units of the metric',
      names: 132,
      formatX: (v) => fixed(v, 0),
    },
  );

/** The defect of each dictionary on features active together, with its spread over positions, and on all of them. */
export const canonicityPicture = (dictionaries: readonly Canonicity[], width: number): string =>
  dotsPicture(
    dictionaries.map(({ site, together, anywhere }) => ({
      name: cutLabel(site),
      score: { value: together.defect.median, low: together.defect.low, high: together.defect.high },
      nulls: [
        {
          name: 'all features active anywhere',
          score: { value: anywhere.defect, low: anywhere.defect, high: anywhere.defect },
        },
      ],
    })),
    {
      width,
      label:
        'Canonicity defect of each dictionary (depth clock): of features active together (dot), of all (ring)',
      x: 'canonicity defect ‖M − 1‖ / √n   ● active together   ○ all active features',
      reach: [0],
    },
  );

/** The motions of one feature as the pictures take them. */
export const motionsOf = ({ traces }: FeatureTrace): FeatureMotion[] =>
  traces.map(({ text, q, p, kinetic, potential }) => ({
    ...{ name: `text ${text + 1}`, q, p, kinetic, potential },
  }));

/** Phase portrait of one feature over real texts. */
export const tracePhasePicture = (trace: FeatureTrace, site: string, size: Size, until = 1): string =>
  featurePhasePicture(
    motionsOf(trace),
    trace.mass,
    size,
    `Phase portrait of feature ${trace.feature} at ${cutLabel(site)} over ${trace.traces.length} texts (sequence clock): activation against its change; faint lines: levels of H = T + V`,
    until,
  );

/** T, V and E of one feature over the tokens of one text; undefined when there is no such text. */
export function traceSeriesPicture(
  { feature, traces }: FeatureTrace,
  text: number,
  tokens: readonly string[],
  kind: 'textbook' | 'article',
  size: Size,
): string | undefined {
  const at = traces.findIndex((one) => one.text === text);
  const trace = traces[at];
  if (!trace) return undefined;
  return clockSeriesPicture(
    motionsOf({ feature, mass: 1, traces })[at]!,
    trace.positions.map((position) => tokens[position] ?? ''),
    size,
    kind === 'textbook'
      ? `T, V and H = T + V of feature ${feature} over the tokens of text ${text + 1} (sequence clock)`
      : `T, U = −V and H = T − U of feature ${feature} over the tokens of text ${text + 1} (sequence clock)`,
    kind,
  );
}

/** Drift of features beside the drift with their V permuted in time. */
export const driftPicture = (clock: SequenceResult, count: number, width: number): string =>
  dotsPicture(
    (clock.tables[0]?.features ?? []).slice(0, count).map(({ feature, drift, nullDrift }) => ({
      name: `feature ${feature}`,
      score: { value: drift, low: Number.NaN, high: Number.NaN },
      nulls: [{ name: 'V permuted in time', score: { value: nullDrift, low: Number.NaN, high: Number.NaN } }],
    })),
    {
      width,
      label:
        'Drift of H = T + V of each feature (sequence clock), beside its drift when V is permuted in time',
      x: 'drift of T + V   ● as it is   ○ V permuted in time',
      reach: [0],
    },
  );
