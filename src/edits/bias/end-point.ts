/** @file The claim on the end point as a whole: least action's is better only where both comparisons say so. */
import type { Outcome, Verdict } from './types.ts';

/** How the claims begin that compare end points. */
export const END_POINT = 'end point:';

/** What the comparisons of the end point say together, by one quantity. */
export interface EndPointVerdict {
  readonly claim: string;
  readonly quantity: string;
  readonly outcome: Outcome;
}

/**
 * For each quantity: supported when the end point is better than the straight line's and than the one by direct optimisation, refuted
 * when one of the two is refuted, else undecided. Nothing where not both were compared.
 */
export function endPointVerdicts(
  verdicts: readonly Pick<Verdict, 'claim' | 'quantity' | 'outcome'>[],
): EndPointVerdict[] {
  const parts = verdicts.filter(({ claim }) => claim.startsWith(END_POINT));
  return [...new Set(parts.map(({ quantity }) => quantity))].flatMap((quantity) => {
    const outcomes = parts.filter((part) => part.quantity === quantity).map(({ outcome }) => outcome);
    if (outcomes.length < 2) return [];
    const outcome = outcomes.includes('refuted')
      ? 'refuted'
      : outcomes.every((one) => one === 'supported')
        ? 'supported'
        : 'undecided';
    const claim = `${END_POINT} least action's is better than the straight line and than direct optimisation, both`;
    return [{ claim, quantity, outcome }];
  });
}
