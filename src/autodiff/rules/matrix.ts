/** @file Matrix products. */
import { floatAttribute, intAttribute } from '../../graph/attributes.ts';
import type { Emitter } from '../emit.ts';
import { again, operand, type Rule, type VjpContext } from '../rule.ts';
import { broadcastTo, reduceTo, reshapeLike, reshapeTo } from '../shaping.ts';

interface Flags {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
}

/**
 * α·op(a)·op(b) for values of rank ≥ 2. Weights are never transposed in memory: onnxruntime would fold such a
 * Transpose into a second copy of the weight. Two matrices become one Gemm, and the rest com.microsoft FusedMatMul
 * (which has no float64 kernel: there the operands are transposed).
 */
function product(e: Emitter, a: string, b: string, { transA, transB, alpha }: Flags): string {
  if (!transA && !transB && alpha === 1) return e.op('MatMul', [a, b]);
  const [rankA, rankB] = [e.shape(a).length, e.shape(b).length];
  const attributes = { transA: { int: +transA }, transB: { int: +transB }, alpha: { float: alpha } };
  if (rankA === 2 && rankB === 2) return e.op('Gemm', [a, b], attributes);
  if (e.type(a).dtype !== 'float64') {
    return e.ops('FusedMatMul', [a, b], 1, attributes, 'com.microsoft')[0]!;
  }
  const plain = e.op('MatMul', [transA ? swapLast(e, a) : a, transB ? swapLast(e, b) : b]);
  return alpha === 1 ? plain : e.mul(plain, e.number(alpha, plain));
}

function swapLast(e: Emitter, x: string): string {
  const perm = [...e.shape(x).keys()];
  perm.push(...perm.splice(-2).reverse());
  return e.op('Transpose', [x], { perm: { ints: perm } });
}

/** Rows of all batches as one matrix. */
const asRows = (e: Emitter, x: string): string => {
  const shape = e.shape(x);
  const width = shape.at(-1)!;
  return shape.length === 2 || typeof width !== 'number' ? x : e.op('Reshape', [x, e.ints(-1, width)]);
};

/** gA = α·g·op(B)ᵀ and gB = α·op(A)ᵀ·g, each turned to where its operand was turned. */
function gradients(c: VjpContext, { transA, transB, alpha }: Flags): (string | undefined)[] {
  const { e } = c;
  const [a, b] = [operand(c, 0), operand(c, 1)];
  const [rowA, columnB] = [e.shape(a).length === 1, e.shape(b).length === 1];
  const A = rowA ? e.op('Unsqueeze', [a, e.ints(0)]) : a;
  const B = columnB ? e.op('Unsqueeze', [b, e.ints(1)]) : b;
  let g = c.grad();
  if (columnB) g = e.op('Unsqueeze', [g, e.ints(-1)]);
  if (rowA) g = e.op('Unsqueeze', [g, e.ints(-2)]);

  const gradA = () => {
    if (transA) return product(e, B, g, { transA: transB, transB: true, alpha });
    const full =
      e.shape(A).length > 2 && e.shape(B).length === 2 ? rowsTimes(e, g, B, transB, alpha) : undefined;
    return full ?? product(e, g, B, { transA: false, transB: !transB, alpha });
  };
  const gradB = () => {
    if (!transA && e.shape(B).length === 2 && e.shape(A).length > 2) {
      const [rows, gRows] = [asRows(e, A), asRows(e, g)];
      if (e.shape(rows).length === 2 && e.shape(gRows).length === 2) {
        return transB
          ? product(e, gRows, rows, { transA: true, transB: false, alpha })
          : product(e, rows, gRows, { transA: true, transB: false, alpha });
      }
    }
    return transB
      ? product(e, g, A, { transA: true, transB: transA, alpha })
      : product(e, A, g, { transA: !transA, transB: false, alpha });
  };
  const back = (full: string, operand2: string, original: string) =>
    reshapeLike(e, reduceTo(e, full, operand2, full), original);
  return [c.wants(0) ? back(gradA(), A, a) : undefined, c.wants(1) ? back(gradB(), B, b) : undefined];
}

/**
 * g·op(B)ᵀ for a matrix B as one product over all rows: FusedMatMul, which takes the rows of all batches together,
 * or in float64 one Gemm; undefined when the width of g is not known.
 */
function rowsTimes(e: Emitter, g: string, B: string, transB: boolean, alpha: number): string | undefined {
  const flags = { transA: false, transB: !transB, alpha };
  if (e.type(g).dtype !== 'float64') return product(e, g, B, flags);
  const rows = asRows(e, g);
  if (e.shape(rows).length !== 2) return undefined;
  const flat = product(e, rows, B, flags);
  const width = e.shape(flat)[1];
  if (typeof width !== 'number') return undefined;
  const lead = e.shape(g).slice(0, -1);
  return reshapeTo(e, flat, [...lead.map((_, axis) => ({ of: g, axis })), width]);
}

/** Tangents of a product: each operand's tangent against the other operand. */
const productRule: Rule = {
  kind: 'rule',
  vjp: (c) =>
    gradients(c, {
      transA: intAttribute(c.node, 'transA', 0) === 1,
      transB: intAttribute(c.node, 'transB', 0) === 1,
      alpha: floatAttribute(c.node, 'alpha', 1),
    }),
  jvp(c) {
    const [a, b] = [operand(c, 0), operand(c, 1)];
    const parts = [
      ...(c.wants(0) ? again(c, [c.tangent(0), b]) : []),
      ...(c.wants(1) ? again(c, [a, c.tangent(1)]) : []),
    ];
    return [parts.reduce(c.e.add)];
  },
};

const gemm: Rule = {
  kind: 'rule',
  vjp(c) {
    const { e } = c;
    const [gA, gB] = gradients(c, {
      transA: intAttribute(c.node, 'transA', 0) === 1,
      transB: intAttribute(c.node, 'transB', 0) === 1,
      alpha: floatAttribute(c.node, 'alpha', 1),
    });
    if (!c.wants(2)) return [gA, gB];
    const g = c.grad();
    const scaled = e.mul(g, e.number(floatAttribute(c.node, 'beta', 1), g));
    return [gA, gB, reduceTo(e, scaled, operand(c, 2), scaled)];
  },
  jvp(c) {
    const { e } = c;
    const attributes = c.node.attributes;
    const parts: string[] = [];
    if (c.wants(0)) parts.push(e.op('Gemm', [c.tangent(0), operand(c, 1)], attributes));
    if (c.wants(1)) parts.push(e.op('Gemm', [operand(c, 0), c.tangent(1)], attributes));
    if (c.wants(2)) {
      const bias = c.tangent(2);
      parts.push(e.mul(bias, e.number(floatAttribute(c.node, 'beta', 1), bias)));
    }
    return [broadcastTo(e, parts.reduce(e.add), c.node.outputs[0]!)];
  },
};

export const matrixRules: Readonly<Record<string, Rule>> = {
  MatMul: productRule,
  'com.microsoft:FusedMatMul': productRule,
  Gemm: gemm,
};
