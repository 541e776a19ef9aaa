/** @file The figures of a bias study's methods as text, column by column: the command prints some of them, docs/bias.md all. */
import type { Estimate } from '../../core/statistics.ts';
import type { BiasResult, BiasRow } from '../../edits/bias/types.ts';

/** Numbers that could not be said (no rows, no common range) are null in a saved result. */
export const fixed = (value: number | null | undefined, digits: number): string =>
  typeof value === 'number' && Number.isFinite(value) ? value.toFixed(digits) : '–';
/** A share in per cent, without the sign. Null stays what could not be said, where 100 × null would be 0. */
export const shareInPercent = (share: number | null | undefined, digits: number): string =>
  fixed(typeof share === 'number' ? 100 * share : share, digits);
/** An estimate's value in per cent. */
export const percent = (estimate: Pick<Estimate, 'value'> | undefined): string =>
  shareInPercent(estimate?.value, 1);

/** A row as it is saved, with or without its curve and runs. */
export type Row = Omit<BiasRow, 'curve' | 'runs'>;

/** A column: its heading and a row's cell. */
export interface Column {
  readonly name: string;
  cell(row: Row): string;
}

/** The first of every table. */
export const methodColumn: Column = {
  name: 'method',
  cell: (row) => (row.skyline ? `${row.title} *` : row.title),
};

/** What columns are made for: a result, with or without its rows' curves and runs. */
export type Shown = Pick<BiasResult, 'outcome' | 'protected'> & { readonly rows: readonly Row[] };

/** All columns; `digits` are those of the interval of the worst group. */
export function columnsOf({ outcome, protected: attribute, rows }: Shown, digits: number): Column[] {
  const within = ({ value, low, high }: Estimate): string =>
    `${shareInPercent(value, 1)} (${shareInPercent(low, digits)}–${shareInPercent(high, digits)})`;
  return [
    methodColumn,
    {
      name: 'changed',
      cell: ({ changed }) => (changed === undefined ? '' : String(Math.round(changed))),
    },
    { name: outcome.name, cell: ({ figures }) => percent(figures.fieldAccuracy) },
    { name: attribute.name, cell: ({ figures }) => percent(figures.genderAccuracy) },
    { name: 'worst group', cell: ({ figures }) => within(figures.worstGroup) },
    { name: 'natural', cell: ({ natural }) => percent(natural.worstGroup) },
    { name: 'swapped', cell: ({ swapped }) => percent(swapped.worstGroup) },
    { name: 'TPR gap', cell: ({ figures }) => percent(figures.tprGap) },
    { name: 'ECE', cell: ({ figures }) => percent(figures.ece) },
    { name: 'Brier', cell: ({ figures }) => fixed(figures.brier.value, 3) },
    { name: 'leak: linear', cell: ({ leakage }) => percent(leakage.linear) },
    { name: 'MLP', cell: ({ leakage }) => percent(leakage.mlp) },
    { name: 'kNN', cell: ({ leakage }) => percent(leakage.knn) },
    { name: 'KL', cell: ({ kl }) => (kl ? fixed(kl.value, 3) : '') },
    {
      name: 'perplexity',
      cell: ({ perplexity }) => (perplexity === undefined ? '' : fixed(perplexity, 1)),
    },
    ...(rows.some((row) => row.otherTasks)
      ? [
          {
            name: 'other tasks / random',
            cell: ({ otherTasks: other }: Row) =>
              other ? `${percent(other.moved)} / ${percent(other.random)}` : '',
          },
        ]
      : []),
    { name: 'hypervolume', cell: ({ hypervolume }) => (hypervolume ? fixed(hypervolume.value, 3) : '') },
    { name: 's', cell: ({ seconds }) => fixed(seconds, 1) },
  ];
}
