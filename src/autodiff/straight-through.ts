/** @file Quantised networks made differentiable: rounding counts as identity (straight-through estimator). */
import { GraphError } from '../core/errors.ts';
import type { DType } from '../core/tensor.ts';
import { intAttribute } from '../graph/attributes.ts';
import { positiveAxis } from '../graph/dims.ts';
import type { Graph, Node } from '../graph/types.ts';
import { upgrade } from '../graph/upgrade.ts';
import { type Emitter, emitter } from './emit.ts';

/** A graph with real numbers where whole numbers stood for them, and the values that `stop` must hold still. */
export interface StraightThrough {
  readonly graph: Graph;
  readonly stop: readonly string[];
}

/**
 * The graph in which every quantised value has a real twin: what it stands for before rounding, plus the rounding
 * error as a constant. Forward values stay those of the quantised network (to float32 rounding); a derivative that
 * gets `stop` passes through rounding as if it were not there, and is 0 where a value was clipped to the range.
 * Source: Bengio, Léonard & Courville 2013, arXiv:1308.3432, §4; with clipping as in PyTorch's fake quantisation.
 * Handles QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, MatMulInteger, ConvInteger and moves of their
 * values; a graph without them is returned as it is.
 * @throws GraphError `graph.no-shape-rule`, `graph.shape` when types cannot be known.
 */
export function straightThrough(graph: Graph): StraightThrough {
  if (!graph.nodes.some((node) => node.domain === '' && node.op in handlers)) return { graph, stop: [] };
  const e = emitter(upgrade({ ...graph, nodes: [] }));
  const c: Conversion = { e, twins: new Map(), stop: [] };
  for (const node of upgrade(graph).nodes) {
    const handle = node.domain === '' ? handlers[node.op] : undefined;
    if (handle?.(c, node)) continue;
    if (node.domain === '' && MOVES.has(node.op) && moved(c, node)) continue;
    e.ops(node.op, node.inputs, node.outputs, node.attributes, node.domain);
  }
  return { graph: e.finish(graph.outputs), stop: c.stop };
}
