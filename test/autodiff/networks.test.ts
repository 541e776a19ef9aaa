/** @file Whole networks as PyTorch exports them: gradients at every site against PyTorch's (test/oracles/small_networks.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { jvp } from '../../src/autodiff/jvp.ts';
import { vjp } from '../../src/autodiff/vjp.ts';
import { random } from '../../src/core/random.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { only } from '../../src/graph/interventions.ts';
import { decodeOnnx } from '../../src/graph/onnx.ts';
import type { Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';
import { tensorOf } from './cases/forms.ts';
import { dot, drawn, numbers, relativeError } from './support.ts';

const array = z.object({ shape: z.array(z.number()), data: z.array(z.number()) });
const oracle = z.object({
  x: array,
  of: z.string(),
  cotangent: array,
  gradients: z.record(z.string(), z.array(z.number())),
});

const file = (name: string) => new URL(`../oracles/small-networks/${name}`, import.meta.url);
const open = (name: string) => ({
  graph: decodeOnnx(readFileSync(file(`${name}.onnx`))),
  answer: oracle.parse(JSON.parse(readFileSync(file(`${name}.json`), 'utf8'))),
});

/** The same network for images of any size. */
const opened = (graph: Graph): Graph => ({
  ...graph,
  inputs: graph.inputs.map((input) =>
    'shape' in input
      ? { ...input, shape: input.shape.map((d, axis) => (axis === 1 ? d : `s${axis}`)) }
      : input,
  ),
});

test.each([
  ['cnn', 'as exported', (graph: Graph) => graph],
  ['cnn', 'for images of any size', opened],
  ['decoder', 'as exported', (graph: Graph) => graph],
] as const)('%s, %s: the gradient at every site is PyTorch’s', async (name, _title, prepare) => {
  const { graph: read, answer } = open(name);
  const graph = prepare(read);
  const { x, of, cotangent } = answer;
  const wrt = Object.keys(answer.gradients);
  const reverse = vjp(graph, { of, wrt, cotangent: 'input' });
  const session = await openSession(
    only(
      reverse,
      wrt.map((site) => `grad:${site}`),
    ),
    { threads: 1 },
  );
  const found = await session.run({
    x: tensorOf('float32', x.shape, x.data),
    [`cotangent:${of}`]: tensorOf('float32', cotangent.shape, cotangent.data),
  });
  await session.release();
  const errors = wrt.map((site) => relativeError(numbers(found[`grad:${site}`]!), answer.gradients[site]!));
  expect(errors.length).toBeGreaterThan(5);
  expect(Math.max(...errors)).toBeLessThan(1e-4);
});

test.each(['cnn', 'decoder'])('%s: Hessian-vector products are symmetric', async (name) => {
  const { graph, answer } = open(name);
  const { x, of, cotangent } = answer;
  const reverse = vjp(graph, { of, wrt: ['x'], cotangent: 'input' });
  const session = await openSession(only(jvp(reverse, { of: ['grad:x'], wrt: ['x'] }), ['tangent:grad:x']), {
    threads: 1,
  });
  const r = random(5);
  const [u, v] = [drawn('float32', x.shape, r.normal), drawn('float32', x.shape, r.normal)];
  const times = async (direction: Tensor) => {
    const out = await session.run({
      x: tensorOf('float32', x.shape, x.data),
      [`cotangent:${of}`]: tensorOf('float32', cotangent.shape, cotangent.data),
      'tangent:x': direction,
    });
    return out['tangent:grad:x']!;
  };
  const [Hu, Hv] = [await times(u), await times(v)];
  await session.release();
  const scale = Math.sqrt(dot(Hu, Hu) * dot(v, v));
  expect(scale).toBeGreaterThan(0);
  expect(Math.abs(dot(Hu, v) - dot(Hv, u)) / scale).toBeLessThan(1e-5);
});
