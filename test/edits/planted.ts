/** @file Two concepts planted on axes of their own, in a network of two products. */
import type { Network } from '../../src/circuits/cuts.ts';
import { f32 } from '../../src/core/tensor.ts';
import type { Task } from '../../src/data/tasks.ts';
import { graphBuilder } from '../../src/graph/build.ts';

/**
 * x = E[token], logits = x·Uᵀ at the same position. Concept i lies on axis i: its two last tokens have ±1 there and something of their
 * own (`shared`) on axis 2, its two answers read it.
 */
export function planted(like: Task, shared = 0.3): { network: Network; tasks: readonly Task[] } {
  const b = graphBuilder();
  b.input('tokens', 'int64', ['batch', 'position']);
  const E = [[0, 0, 0, 1]];
  for (const axis of [0, 1])
    for (const sign of [-1, 1])
      E.push([0, 1, 2, 3].map((d) => (d === axis ? sign : d === 2 ? shared * sign : 0)));
  const U = [0, 1].flatMap((axis) => [-1, 1].map((sign) => [0, 1, 2, 3].map((d) => (d === axis ? sign : 0))));
  b.weight('E', f32([E.length, 4], E.flat()));
  const columns = [0, 1, 2, 3].flatMap((d) => U.map((row) => row[d]!));
  b.weight('U', f32([4, U.length], columns));
  b.op('Gather', ['E', 'tokens'], { axis: { int: 0 } }, 'x');
  b.op('MatMul', ['x', 'U'], {}, 'logits');
  const tasks = [0, 1].map((axis): Task => {
    const [minus, plus] = [1 + 2 * axis, 2 + 2 * axis];
    const pair = (first: number, second: number) => ({
      ...{ clean: [0, 0, first], patch: [0, 0, second], answer: first - 1, wrong: second - 1 },
      ...{ cleanText: '', patchText: '', labels: {} },
    });
    const examples = Array.from({ length: 6 }, (_, i) => (i % 2 ? pair(minus, plus) : pair(plus, minus)));
    return { ...like, name: `axis ${axis}`, train: examples, heldOut: examples };
  });
  const graph = b.finish(['logits']);
  const place = { site: 'x', depth: 0, width: 4, complete: true };
  return { network: { graph, cuts: ['x'], width: 4, places: [place] }, tasks };
}
