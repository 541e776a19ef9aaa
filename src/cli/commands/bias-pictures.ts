/** @file Pictures of a bias study: trade-off curves and the paths over strengths. */
import type { BiasPath, BiasPoint, BiasResult, BiasRow } from '../../edits/bias/types.ts';
import { type StrengthPath, strengthPathPicture } from '../../pictures/strength-path.ts';
import { tradeOffPicture } from '../../pictures/trade-off.ts';

const size = { width: 760, height: 460 };
const percent = (value: number): string => `${Math.round(100 * value)} %`;

/** The pictures by the names of their files. */
export function biasPictures(result: BiasResult): { readonly name: string; readonly svg: () => string }[] {
  const curves = result.rows.filter((row) => row.curve.length > 1);
  const lines = (x: (point: BiasPoint) => BiasPoint['leakage'] | undefined) =>
    curves.map((row) => ({
      name: row.title,
      dashed: row.skyline || row.method.startsWith('random'),
      points: row.curve.flatMap((point) => {
        const at = x(point);
        return at ? [{ x: at, y: point.worstGroup, at: strengthOf(row, point) }] : [];
      }),
    }));
  return [
    {
      name: 'leakage',
      svg: () =>
        tradeOffPicture(
          lines((point) => point.leakage),
          {
            ...size,
            label: 'Worst group against leakage, by method and strength',
            x: 'leakage: linear probe after the edit (lower is better)',
            y: 'worst group (higher is better)',
            formatX: percent,
            formatY: percent,
          },
        ),
    },
    {
      name: 'collateral',
      svg: () =>
        tradeOffPicture(
          lines((point) => point.kl),
          {
            ...size,
            label: 'Worst group against KL on plain text, by method and strength',
            x: 'KL on plain text, nats per token (lower is better)',
            y: 'worst group (higher is better)',
            logX: true,
            formatY: percent,
          },
        ),
    },
    ...result.paths.map((path) => ({
      name: `path-${path.method}`,
      svg: () => strengthPathPicture(pathOf(path, result), size, `Strengths along the path: ${path.title}`),
    })),
  ];
}

const strengthOf = (row: BiasRow, point: BiasPoint): string =>
  `${Number(point.strength.toFixed(2))} ${row.strengthUnit}`;

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
