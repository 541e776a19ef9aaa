/** @file Algebra of symbolic sizes: polynomials in named dims with integer coefficients, kept as canonical text. */
import { sha256 } from '../core/hash.ts';
import type { Dim } from './types.ts';

/** Characters of a made-up name, beyond which its hash stands for it. */
const LONGEST_NAME = 100;

/**
 * A size as a sum of monomials: key = its symbols sorted and joined by `*` ('' for the constant part),
 * value = the coefficient, never 0. Text form: `2*batch*position+1`.
 */
type Polynomial = ReadonlyMap<string, number>;

const parsed = new Map<string, Polynomial>();

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') return dim === 0 ? new Map() : new Map([['', dim]]);
  const known = parsed.get(dim);
  if (known) return known;
  const terms = new Map<string, number>();
  for (const [, sign, body] of dim.matchAll(/([+-]?)([^+-]+)/g)) {
    const factors = body!.split('*');
    const coefficient = /^\d+$/.test(factors[0]!) ? Number(factors.shift()) : 1;
    addTerm(terms, factors.sort().join('*'), sign === '-' ? -coefficient : coefficient);
  }
  // A bounded memory of a pure function: sizes recur thousands of times in one network.
  if (parsed.size > 4096) parsed.clear();
  parsed.set(dim, terms);
  return terms;
}

function addTerm(terms: Map<string, number>, key: string, coefficient: number): void {
  const sum = (terms.get(key) ?? 0) + coefficient;
  if (sum === 0) terms.delete(key);
  else terms.set(key, sum);
}

function format(terms: Polynomial): Dim {
  if (terms.size === 0) return 0;
  if (terms.size === 1 && terms.has('')) return terms.get('')!;
  const keys = [...terms.keys()].sort((a, b) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1));
  let text = '';
  for (const key of keys) {
    const c = terms.get(key)!;
    const size = Math.abs(c);
    const body = key === '' ? String(size) : size === 1 ? key : `${size}*${key}`;
    text += (c < 0 ? '-' : text === '' ? '' : '+') + body;
  }
  return text;
}

/** a + b. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const sum = new Map(parse(a));
  for (const [key, c] of parse(b)) addTerm(sum, key, c);
  return format(sum);
}

/** a · b. */
export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  const product = new Map<string, number>();
  for (const [ka, ca] of parse(a)) {
    for (const [kb, cb] of parse(b)) {
      const key = [ka, kb]
        .filter((k) => k !== '')
        .flatMap((k) => k.split('*'))
        .sort()
        .join('*');
      addTerm(product, key, ca * cb);
    }
  }
  return format(product);
}

/** a − b. */
export const subtractDims = (a: Dim, b: Dim): Dim => addDims(a, multiplyDims(b, -1));

/** a / b when it is exact and b is a single monomial; undefined when we cannot tell. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  if (a === b && a !== 0) return 1;
  const divisor = [...parse(b)];
  if (divisor.length !== 1) return undefined;
  const [symbols, coefficient] = divisor[0]!;
  const quotient = new Map<string, number>();
  for (const [key, c] of parse(a)) {
    const left = key === '' ? [] : key.split('*');
    for (const symbol of symbols === '' ? [] : symbols.split('*')) {
      const at = left.indexOf(symbol);
      if (at < 0) return undefined;
      left.splice(at, 1);
    }
    if (c % coefficient !== 0) return undefined;
    addTerm(quotient, left.join('*'), c / coefficient);
  }
  return format(quotient);
}

/** Product of all dims (1 for a scalar). */
export const productDims = (dims: readonly Dim[]): Dim => dims.reduce(multiplyDims, 1);

/**
 * Whether a number made from sizes is 0 or more at every run: a named size is at least 1, one that only the run knows
 * (`?…`) may be 0. So `n+1` and `n-1` are, `n-4` is not.
 */
export function neverNegative(value: Dim): boolean {
  const terms = [...parse(value)];
  const fewest = terms.reduce((sum, [key, coefficient]) => sum + (key.includes('?') ? 0 : coefficient), 0);
  return fewest >= 0 && terms.every(([key, coefficient]) => key === '' || coefficient > 0);
}

/**
 * Size of an axis after broadcasting. Of a name and a number above 1 it is the number. Two different names
 * (equal at run time, or one of them 1) make a new unknown one, since either may be the larger.
 */
export function broadcastDim(a: Dim, b: Dim): Dim | undefined {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === 'number') return typeof b === 'number' ? undefined : a;
  if (typeof b === 'number') return b;
  const name = `?larger(${[atomOf(a), atomOf(b)].sort().join(', ')})`;
  // Names that hold names would double in length at every block of a deep network.
  return name.length <= LONGEST_NAME ? name : `?larger(${sha256(name).slice(0, 16)})`;
}

/** A size spelled so that it can stand within the name of another one. */
export const atomOf = (dim: Dim): string =>
  String(dim).replaceAll('+', ' plus ').replaceAll('-', ' minus ').replaceAll('*', ' times ');

/** Shape after numpy broadcasting, or undefined when two known sizes clash. */
export function broadcastShapes(a: readonly Dim[], b: readonly Dim[]): Dim[] | undefined {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const dim = broadcastDim(a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1);
    if (dim === undefined) return undefined;
    out.push(dim);
  }
  return out;
}

/** An axis counted from the front. */
export const positiveAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
