/** @file The comparisons that a study announces, on the curves that were measured. */
import type { Random } from '../../core/random.ts';
import { END_POINT } from './end-point.ts';
import type { Prepared } from './measure-row.ts';
import type { BiasOptions } from './options.ts';
import { curveRuns, type Measured, studyUnits } from './row-report.ts';
import type { BiasMethod, Verdict } from './types.ts';
import { besideOracle, compareCurves } from './verdicts.ts';

/** The comparisons that were announced; those whose methods were measured. */
export function verdictsOf(
  measured: ReadonlyMap<BiasMethod, readonly Measured[]>,
  { evaluate: { units } }: Pick<Prepared, 'evaluate'>,
  options: BiasOptions,
  random: Random,
): Verdict[] {
  const curve = (method: BiasMethod) => {
    const first = measured.get(method)?.[0];
    return first && curveRuns(method, first);
  };
  const compare = (claim: string, of: BiasMethod, against: BiasMethod) => {
    const [a, b] = [curve(of), curve(against)];
    return a && b ? compareCurves({ claim, of: a, against: b }, studyUnits(a, units, options, random)) : [];
  };
  const [retrained, oracle] = [measured.get('shift-retrained'), measured.get('oracle')];
  return [
    ...compare(
      `${END_POINT} least action's is better than the straight line with free strengths at 1`,
      'least-action-ends',
      'straight',
    ),
    ...compare(
      `${END_POINT} least action's is better than direct optimisation without a path`,
      'least-action-ends',
      'direct-end',
    ),
    ...compare(
      'way: least action is better than the straight line to its own end point',
      'least-action',
      'straight-to-end',
    ),
    ...(retrained && oracle
      ? [
          besideOracle(
            retrained.flatMap((one) => one.field),
            oracle[0]!.field,
            {
              ...{ persons: units.count, windows: 0, strata_U: units.strata_U },
              ...{ runs: options.probes, resamples: options.resamples, random },
            },
          ),
        ]
      : []),
  ];
}
