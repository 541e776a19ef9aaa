/** @file A network as it is for given inputs: branches that only a run decides are written out and can be differentiated. */
import { describe, expect, test } from 'vitest';
import { f32, i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import type { Attribute, Graph } from '../../src/graph/types.ts';
import { type FreeModel, freeSites, tensorInputs } from '../../src/models/free.ts';
import { freeGradients, runFree, specialisedModel } from '../../src/models/run-free.ts';
import { specialise } from '../../src/models/specialise.ts';

const branch = (op: string): Attribute => {
  const b = graphBuilder();
  b.op(op, ['x'], {}, 'inside');
  return { graph: b.finish(['inside']) };
};

/** exp(x) where `rate` is 16000, else −x, in a branch inside of a branch that is always taken. */
function nested(): Graph {
  const inner = graphBuilder();
  inner.op('Equal', ['rate', inner.constant(i64([], [16_000]))], {}, 'fast');
  inner.op('If', ['fast'], { then_branch: branch('Exp'), else_branch: branch('Neg') }, 'chosen');
  const b = graphBuilder();
  b.input('x', 'float32', ['n', 3]);
  b.input('rate', 'int64', []);
  const size = b.op('Shape', ['x']);
  const long = b.op('Greater', [b.op('Gather', [size, b.ints(0)]), b.ints(0)]);
  const wide = b.op('Reshape', [long, b.ints(1, 1)]);
  b.op('If', [wide], { then_branch: { graph: inner.finish(['chosen']) }, else_branch: branch('Abs') }, 'y');
  return b.finish(['y']);
}

const modelOf = (graph: Graph): FreeModel => ({
  kind: 'free',
  name: 'nested',
  source: 'test',
  note: '',
  parameters: 0,
  hash: '',
  graph,
  inputs: tensorInputs(graph.inputs, 'test'),
  sites: freeSites(graph),
});
const x = f32([1, 3], [0.5, -1, 2]);
const numbers = (t: Tensor | undefined) => Array.from(t!.data as Float32Array, Number);

describe('specialise', () => {
  test.each([
    [16_000, Math.exp, Math.exp],
    [8000, (v: number) => -v, () => -1],
  ])(
    'writes out the branches taken at %d, with the values and gradients of the network',
    async (rate, f, slope) => {
      const model = modelOf(nested());
      const inputs = { x, rate: i64([], [rate]) };
      const { graph } = await specialisedModel(model, inputs, { threads: 1 });
      expect(graph.nodes.map((node) => node.op)).not.toContain('If');
      const whole = await runFree(model, { inputs, threads: 1 });
      expect(numbers(whole.outputs.y)).toEqual(
        numbers((await runFree({ ...model, graph }, { inputs, threads: 1 })).outputs.y),
      );
      const { x: g } = await freeGradients(model, { inputs, of: 'y', wrt: ['x'], threads: 1 });
      numbers(x).forEach((v, i) => {
        expect(numbers(whole.outputs.y)[i]).toBeCloseTo(f(v), 5);
        expect(numbers(g)[i]).toBeCloseTo(slope(v), 5);
      });
    },
  );

  test('values inside of a branch taken become sites under their own names', async () => {
    const model = modelOf(nested());
    const inputs = { x, rate: i64([], [8000]) };
    const inside = await specialisedModel(model, inputs, { threads: 1 });
    expect(inside.sites.map((site) => site.name)).toEqual(['inside', 'chosen', 'y']);
    const { sites } = await runFree(inside, { inputs, read: ['inside'], threads: 1 });
    expect(numbers(sites.inside)).toEqual([-0.5, 1, -2]);
  });

  test('keeps quantised values as they are computed: only shapes, indices and conditions become constants', async () => {
    const b = graphBuilder();
    b.input('x', 'float32', ['n', 3]);
    b.weight('W', tensor('uint8', [3, 1], Uint8Array.of(1, 2, 3)) as Tensor);
    b.ops('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']);
    b.op('MatMulInteger', ['q', 'W', 'z'], {}, 'whole');
    b.op('Mul', [b.op('Cast', ['whole'], { to: { int: 1 } }), 's'], {}, 'y');
    const graph = await specialise(b.finish(['y']), { x }, { threads: 1 });
    expect(graph.nodes.map((node) => node.op)).toContain('MatMulInteger');
    const { x: g } = await freeGradients(modelOf(b.finish(['y'])), {
      inputs: { x },
      of: 'y',
      wrt: ['x'],
      threads: 1,
    });
    [1, 2, 3].forEach((v, i) => {
      expect(numbers(g)[i]).toBeCloseTo(v, 5);
    });
  });
});
