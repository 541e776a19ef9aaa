/** @file Which keys a query may see: those before it, those within a window, those that are no padding. */
import { i64 } from '../../core/tensor.ts';
import type { Span } from './cache.ts';
import type { Parts } from './parts.ts';

/** What masked attention scores get: finite, so that differences of scores stay numbers; exp of it is 0. */
const MASKED = -1e30;

/** [queries, keys]: 0 where the key is not after the query and within `window` of it, MASKED elsewhere. */
export function causalMask({ b, scalar, cache }: Parts, span: Span, window?: number): string {
  const size = b.op('Concat', [span.queries, span.keys], { axis: { int: 0 } });
  const full = b.op('Expand', [scalar(MASKED), size]);
  const triangle = (diagonal: number, upper: 0 | 1) => {
    const k = cache
      ? b.op('Squeeze', [b.op('Add', [span.before, b.ints(diagonal)]), b.ints(0)])
      : b.constant(i64([], [diagonal]), 'diagonal');
    return b.op('Trilu', [full, k], { upper: { int: upper } });
  };
  const later = triangle(1, 1);
  return window === undefined ? later : b.op('Add', [later, triangle(-window, 0)]);
}

/**
 * Value `padding_mask` [batch, 1, 1, position]: 0 for text, MASKED for padding tokens. To mask otherwise, make
 * the value an input (feedAt).
 */
export function paddingMask({ b, scalar }: Parts, isText: string): string {
  const hidden = b.op('Where', [isText, scalar(0), scalar(MASKED)]);
  return b.op('Unsqueeze', [hidden, b.ints(1, 2)], {}, PADDING_MASK);
}

export const PADDING_MASK = 'padding_mask';
