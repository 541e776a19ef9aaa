/** @file Einsum equations: one letter per axis, ellipses and implied results spelled out. */
import { GraphError } from '../core/errors.ts';
import { stringAttribute } from './attributes.ts';
import { broadcastDim } from './dims.ts';
import type { Dim, Node } from './types.ts';

/** `terms`: letters of each operand; `result`: of the result. Letters may repeat within a term. */
export interface Equation {
  readonly terms: readonly (readonly string[])[];
  readonly result: readonly string[];
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/**
 * The equation of an Einsum node for operands of the given ranks. Axes of an ellipsis get letters that nobody
 * uses, aligned from the right as they broadcast.
 * @throws GraphError `graph.shape` when the equation does not fit the operands.
 */
export function equationOf(node: Node, ranks: readonly number[]): Equation {
  const text = stringAttribute(node, 'equation', '').replaceAll(/\s/g, '');
  const bad = (why: string) =>
    new GraphError('graph.shape', `Einsum "${node.outputs[0]}", equation "${text}": ${why}`, {
      where: node.outputs[0],
    });
  const [left = '', right] = text.split('->');
  const terms = left.split(',');
  if (terms.length !== ranks.length) throw bad(`${terms.length} terms for ${ranks.length} operands`);
  const free = [...LETTERS].filter((letter) => !text.includes(letter));
  const hidden = terms.map((term, i) =>
    term.includes('...') ? ranks[i]! - (term.length - '...'.length) : 0,
  );
  const most = Math.max(0, ...hidden);
  const ellipsis = free.slice(0, most);
  const spelled = terms.map((term, i) => {
    const axes = term.split('...').map((part) => [...part]);
    const own = hidden[i]! > 0 ? ellipsis.slice(-hidden[i]!) : [];
    return axes.length === 1 ? axes[0]! : [...axes[0]!, ...own, ...axes[1]!];
  });
  spelled.forEach((letters, i) => {
    if (letters.length !== ranks[i]) throw bad(`operand ${i} has ${ranks[i]} axes`);
  });
  if (right !== undefined) {
    const [before = '', after] = right.split('...');
    return {
      terms: spelled,
      result: after === undefined ? [...before] : [...before, ...ellipsis, ...after],
    };
  }
  const named = terms.flatMap((term) => [...term.replace('...', '')]);
  const once = [...new Set(named)].filter((l) => named.indexOf(l) === named.lastIndexOf(l)).sort();
  return { terms: spelled, result: [...ellipsis, ...once] };
}

/** The equation as text. */
export const equationText = ({ terms, result }: Equation): string =>
  `${terms.map((term) => term.join('')).join(',')}->${result.join('')}`;

/** Size of each letter, after broadcasting; undefined when two known sizes clash. */
export function letterSizes(
  { terms }: Equation,
  shapes: readonly (readonly Dim[])[],
): ReadonlyMap<string, Dim> | undefined {
  const sizes = new Map<string, Dim>();
  for (const [i, letters] of terms.entries()) {
    for (const [axis, letter] of letters.entries()) {
      const joined = broadcastDim(sizes.get(letter) ?? 1, shapes[i]![axis]!);
      if (joined === undefined) return undefined;
      sizes.set(letter, joined);
    }
  }
  return sizes;
}
