/** @file Fused operators taken apart compute what onnxruntime's fused kernels compute. Gradients: rules.test.ts. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/core/tensor.ts';
import { graphBuilder, OPSET } from '../../src/graph/build.ts';
import { runOnce } from '../../src/runtime/session.ts';
import { feedsOf, fusedCases, takenApart } from './fused-cases.ts';
import type { Case } from './support.ts';

const largest = (t: Tensor) => Math.max(...Array.from(t.data as Float32Array, Math.abs));

/** The case as a graph in float32, with every result of its fused nodes among the outputs. */
function graphOf(spec: Case) {
  const b = graphBuilder();
  for (const [name, shape] of Object.entries(spec.inputs)) b.input(name, 'float32', shape);
  for (const [name, t] of Object.entries(spec.fixed ?? {})) b.input(name, t.dtype, t.shape);
  const result = spec.build(b, 'float32');
  return { ...b.finish([result]), opset: spec.opset ?? OPSET };
}

for (const [operator, cases] of Object.entries(fusedCases)) {
  describe(operator, () => {
    test.each(Object.entries(cases))('%s', async (_, spec) => {
      const graph = graphOf(spec);
      const apart = takenApart(graph);
      expect(apart.nodes.some((n) => `${n.domain && `${n.domain}:`}${n.op}` === operator)).toBe(false);
      const feeds = feedsOf(spec);
      const [fused, plain] = [
        await runOnce(graph, feeds, { threads: 1 }),
        await runOnce(apart, feeds, { threads: 1 }),
      ];
      const name = graph.outputs[0]!;
      const [a, b] = [fused[name]!, plain[name]!];
      expect(b.shape).toEqual(a.shape);
      const worst = Math.max(
        ...Array.from(a.data as Float32Array, (v, i) => Math.abs(v - Number(b.data[i]))),
      );
      expect(worst / largest(a)).toBeLessThan(2e-6);
      expect(largest(a)).toBeGreaterThan(0);
    });
  });
}
