/** @file Results, gradients and second derivatives of operators against PyTorch's (test/oracles/operators.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { jvp } from '../../src/autodiff/jvp.ts';
import { families, operatorOf } from '../../src/autodiff/rules/table.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { UntangleError } from '../../src/core/errors.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { only } from '../../src/graph/interventions.ts';
import type { Attribute, Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';
import { tensorOf } from './cases/forms.ts';
import { type Float, limits, numbers, relativeError } from './support.ts';

const numbersOf = z.array(z.number());
const array = z.object({ shape: numbersOf, data: numbersOf });
const oracle = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      opset: z.number(),
      nodes: z.array(
        z.object({
          op: z.string(),
          domain: z.string(),
          inputs: z.array(z.string()),
          outputs: z.array(z.string()),
          attributes: z.record(z.string(), z.custom<Attribute>()),
        }),
      ),
      fixed: z.record(z.string(), array.extend({ dtype: z.enum(['int64', 'bool', 'float', 'float32']) })),
      inputs: z.record(z.string(), array),
      result: array,
      cotangent: numbersOf,
      direction: z.record(z.string(), numbersOf),
      gradient: z.record(z.string(), numbersOf),
      second: z.record(z.string(), numbersOf),
    }),
  ),
});
type Case = z.infer<typeof oracle>['cases'][number];

const { cases } = oracle.parse(
  JSON.parse(readFileSync(new URL('../oracles/operators.json', import.meta.url), 'utf8')),
);

/** Kernels for float64 that compute in float32 inside. */
const FLOAT32_INSIDE = /^(Shrink|GroupNormalization|Resize)/;

function graphOf(c: Case, dtype: Float): Graph {
  const b = graphBuilder();
  for (const [name, { shape }] of Object.entries(c.inputs)) b.input(name, dtype, shape);
  for (const [name, { dtype: own, shape, data }] of Object.entries(c.fixed)) {
    b.weight(name, tensorOf(own === 'float' ? dtype : own, shape, data));
  }
  for (const n of c.nodes) b.ops(n.op, n.inputs, n.outputs, n.attributes, n.domain);
  return { ...b.finish(['y']), opset: c.opset };
}

async function evaluate(graph: Graph, feeds: Readonly<Record<string, Tensor>>) {
  const session = await openSession(graph, { threads: 1 });
  const used = Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!]));
  const out = await session.run(used);
  await session.release();
  return out;
}

async function measure(c: Case, dtype: Float) {
  const graph = graphOf(c, dtype);
  const wrt = Object.keys(c.inputs);
  const feeds: Record<string, Tensor> = { 'cotangent:y': tensorOf(dtype, c.result.shape, c.cotangent) };
  for (const [name, { shape, data }] of Object.entries(c.inputs)) {
    feeds[name] = tensorOf(dtype, shape, data);
    feeds[`tangent:${name}`] = tensorOf(dtype, shape, c.direction[name]!);
  }
  const gradients = wrt.map((name) => `grad:${name}`);
  const reverse = vjp(graph, { of: 'y', wrt, cotangent: 'input' });
  const curved = jvp(reverse, { of: gradients, wrt });
  const first = await evaluate(only(reverse, ['y', ...gradients]), feeds);
  const second = await evaluate(
    only(
      curved,
      gradients.map((g) => `tangent:${g}`),
    ),
    feeds,
  );
  expect(first.y!.shape).toEqual(c.result.shape);
  const gradient = wrt.flatMap((name) => numbers(first[`grad:${name}`]!));
  const expected = wrt.flatMap((name) => c.gradient[name]!);
  const scale = Math.max(1, ...expected.map(Math.abs));
  return {
    dtype,
    result: relativeError(numbers(first.y!), c.result.data),
    gradient: relativeError(gradient, expected),
    second: relativeError(
      wrt.flatMap((name) => numbers(second[`tangent:grad:${name}`]!)),
      wrt.flatMap((name) => c.second[name]!),
      scale,
    ),
  };
}

/** float64 where onnxruntime has the kernels, and always float32. */
async function measured(c: Case) {
  const single = await measure(c, 'float32');
  if (FLOAT32_INSIDE.test(c.name)) return [single];
  try {
    return [single, await measure(c, 'float64')];
  } catch (error) {
    if (error instanceof UntangleError && error.code === 'runtime.session') return [single];
    throw error;
  }
}

describe('as PyTorch', () => {
  test.each(cases.map((c) => [c.name, c] as const))('%s', async (_name, c) => {
    for (const found of await measured(c)) {
      const bar = limits[found.dtype].difference;
      expect(found.result).toBeLessThan(bar);
      expect(found.gradient).toBeLessThan(bar);
      expect(found.second).toBeLessThan(bar);
    }
  });
});

/** Families without a counterpart in PyTorch's functions: held to fused kernels and central differences instead. */
const ELSEWHERE = ['Fused layers', 'Recurrent layers', 'Control flow', 'No gradient'];

test('every other operator that has a rule is among them', () => {
  const seen = new Set(cases.flatMap((c) => c.nodes.map(operatorOf)));
  const wanted = Object.entries(families).flatMap(([family, rules]) =>
    ELSEWHERE.includes(family) ? [] : Object.keys(rules),
  );
  expect(wanted.filter((name) => !seen.has(name))).toEqual([]);
});
