/** @file Pictures of a bias study, the same for command line and Studio: rows with intervals, trade-off curves, paths over strengths. */
import type { BiasPath, BiasPoint, BiasResult, BiasRow } from '../../edits/bias/types.ts';
import { categories, nullGrey } from '../../pictures/colours.ts';
import { dotsPicture } from '../../pictures/dots.ts';
import { percent } from '../../pictures/scale.ts';
import { type StrengthPath, strengthPathPicture } from '../../pictures/strength-path.ts';
import type { Size } from '../../pictures/svg.ts';
import { tradeOffPicture } from '../../pictures/trade-off.ts';

const size = { width: 760, height: 460 };
const whole = (value: number): string => percent(value);

/** The pictures by the names of their files. */
export function biasPictures(result: BiasResult): { readonly name: string; readonly svg: () => string }[] {
  return [
    { name: 'rows', svg: () => biasRowsPicture(result, 'worstGroup', 760) },
    ...(figuresIn(result).includes('otherTasks')
      ? [{ name: 'other-tasks', svg: () => biasRowsPicture(result, 'otherTasks', 760) }]
      : []),
    { name: 'leakage', svg: () => biasTradeOff(result, 'leakage', size) },
    { name: 'collateral', svg: () => biasTradeOff(result, 'kl', size) },
    ...result.paths.map((path) => ({
      name: `path-${path.method}`,
      svg: () => biasPathPicture(path, result, size),
    })),
  ];
}

/** Figures that rows are compared by. */
export const biasFigures = {
  worstGroup: 'worst group, share told right',
  fieldAccuracy: 'outcome told right',
  genderAccuracy: 'the same answers scored against the protected attribute (0.5 is ideal)',
  leakage: 'leakage: fresh linear probe for the protected attribute',
  tprGap: 'gap in true positive rate',
  otherTasks: 'other tasks: share of the logit difference that is moved',
} as const;
export type BiasFigure = keyof typeof biasFigures;

const figureOf = (row: BiasRow, figure: BiasFigure) =>
  figure === 'otherTasks'
    ? row.otherTasks?.moved
    : figure === 'leakage'
      ? row.leakage.linear
      : row.figures[figure];

/** The figures that a result has. */
export const figuresIn = ({ rows }: BiasResult): BiasFigure[] =>
  (Object.keys(biasFigures) as BiasFigure[]).filter((figure) => rows.some((row) => figureOf(row, figure)));

/** One figure of every method with its interval; bounds are faint. */
export const biasRowsPicture = ({ rows, nulls }: BiasResult, figure: BiasFigure, width: number): string =>
  dotsPicture(
    rows.flatMap((row) => {
      const score = figureOf(row, figure);
      if (!score) return [];
      const random = figure === 'otherTasks' && row.otherTasks?.random;
      return [
        {
          ...{ name: row.title, score, faint: row.skyline },
          colour: row.skyline || row.method.startsWith('random') ? nullGrey : categories[0],
          ...(random
            ? { nulls: [{ name: 'random features that move the prompts as far', score: random }] }
            : {}),
        },
      ];
    }),
    {
      width,
      label: `${biasFigures[figure]} of every method, with 95 % intervals`,
      x: biasFigures[figure],
      format: whole,
      row: 22,
      ...(figure === 'fieldAccuracy'
        ? { mark: { at: nulls.fieldAccuracy.value, name: 'knows nothing' } }
        : figure === 'leakage'
          ? { mark: { at: nulls.leakage.linear.value, name: 'nothing to find' } }
          : figure === 'genderAccuracy'
            ? { mark: { at: 0.5, name: 'ideal' } }
            : {}),
    },
  );

/** Worst group against leakage or KL: the whole curve of each method by strength. */
export function biasTradeOff({ rows }: BiasResult, against: 'leakage' | 'kl', to: Size): string {
  const lines = rows
    .filter((row) => row.curve.length > 1)
    .map((row) => ({
      name: row.title,
      dashed: row.skyline || row.method.startsWith('random'),
      points: row.curve.flatMap((point) => {
        const x = point[against];
        return x ? [{ x, y: point.worstGroup, at: strengthOf(row, point) }] : [];
      }),
    }))
    .filter((line) => line.points.length > 1);
  return against === 'leakage'
    ? tradeOffPicture(lines, {
        ...to,
        label: 'Worst group against leakage, by method and strength',
        x: 'leakage: linear probe after the edit (lower is better)',
        y: 'worst group (higher is better)',
        formatX: whole,
        formatY: whole,
      })
    : tradeOffPicture(lines, {
        ...to,
        label: 'Worst group against KL on plain text, by method and strength',
        x: 'KL on plain text, nats per token (lower is better)',
        y: 'worst group (higher is better)',
        logX: true,
        formatY: whole,
      });
}

const strengthOf = (row: BiasRow, point: BiasPoint): string =>
  `${Number(point.strength.toFixed(2))} ${row.strengthUnit}`;

/** Strengths over s with T, V and H_c below. */
export const biasPathPicture = (path: BiasPath, result: BiasResult, to: Size, until = 1): string =>
  strengthPathPicture(pathOf(path, result), to, `Strengths along the path: ${path.title}`, until);

/** A path with names of its features where they are known. */
function pathOf(path: BiasPath, { candidates }: BiasResult): StrengthPath {
  const pinned = new Set(path.pinned);
  return {
    times: path.times_K,
    strengths: path.features.map((feature, i) => ({
      name: candidates.find((one) => one.feature === feature)?.label ?? `feature ${feature}`,
      pinned: pinned.has(feature),
      values: path.alpha_KN.map((alpha) => alpha[i]!),
    })),
    kinetic: path.T_K,
    potential: path.V_K,
    energy: path.H_c_K,
  };
}
