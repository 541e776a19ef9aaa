/** @file Control flow that is known before the run, written out: a branch taken, the steps of a loop one by one. */
import { GraphError } from '../../core/errors.ts';
import { branchName, scanPlan, subgraphOf } from '../../graph/shape-rules/control.ts';
import type { Graph, Node } from '../../graph/types.ts';
import { renameReads } from '../../graph/uses.ts';
import type { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';

/** Most steps that are written out. */
const LONGEST = 4096;

/** Copies of a subgraph: each call binds its inputs and returns its outputs. Its weights are shared by all. */
function copies(e: Emitter, body: Graph): (bound: readonly string[]) => string[] {
  const shared = new Map([...body.weights].map(([name, weight]) => [name, e.constant(weight, name)]));
  return (bound) => {
    const names = new Map(shared);
    body.inputs.forEach(({ name }, i) => {
      names.set(name, bound[i]!);
    });
    for (const node of body.nodes) {
      const { inputs, attributes } = renameReads(node, names);
      const count = node.outputs.map((name) => (name === '' ? '' : e.fresh(name)));
      e.ops(node.op, inputs, count, attributes, node.domain);
      node.outputs.forEach((name, i) => {
        if (name !== '') names.set(name, count[i]!);
      });
    }
    return body.outputs.map((name) => names.get(name) ?? name);
  };
}

const notStatic = (node: Node, what: string) =>
  new GraphError('graph.no-rule', `${node.op} "${node.outputs[0]}": ${what} is known only during the run`, {
    where: node.outputs[0],
    hint: 'export the model with that as a constant; see docs/operators.md',
  });

const oneStep = (e: Emitter, value: string, axis: number) => e.op('Unsqueeze', [value, e.ints(axis)]);

const stacked = (e: Emitter, steps: readonly string[], axis: number, backward = false): string => {
  const parts = steps.map((value) => oneStep(e, value, axis));
  if (backward) parts.reverse();
  return parts.length === 1 ? parts[0]! : e.op('Concat', parts, { axis: { int: axis } });
};

const written: (lower: (e: Emitter, node: Node) => string[], note: string) => Rule = (lower, note) => ({
  kind: 'lower',
  lower,
  note,
});

export const controlRules: Readonly<Record<string, Rule>> = {
  If: written((e, node) => {
    const condition = e.knownInts(node.inputs[0]!)?.[0];
    if (condition === undefined) throw notStatic(node, 'its condition');
    return copies(e, subgraphOf(node, branchName(condition)))([]);
  }, 'condition known before the run'),

  Scan: written((e, node) => {
    const plan = scanPlan(
      node,
      node.inputs.map((x) => e.shape(x).length),
    );
    const scanned = node.inputs.slice(plan.carried);
    const steps = e.shape(scanned[0]!)[plan.axes[0]!];
    if (typeof steps !== 'number' || steps > LONGEST || steps === 0)
      throw notStatic(node, 'its number of steps');
    const copy = copies(e, subgraphOf(node, 'body'));
    let state = node.inputs.slice(0, plan.carried);
    const results: string[][] = plan.resultAxes.map(() => []);
    for (let t = 0; t < steps; t++) {
      const slices = scanned.map((x, i) =>
        e.op('Gather', [x, e.scalar(plan.backward[i] ? steps - 1 - t : t, 'int64')], {
          axis: { int: plan.axes[i]! },
        }),
      );
      const made = copy([...state, ...slices]);
      state = made.slice(0, plan.carried);
      for (const [i, value] of made.slice(plan.carried).entries()) results[i]!.push(value);
    }
    const joined = results.map((r, i) => stacked(e, r, plan.resultAxes[i]!, plan.resultBackward[i]));
    return [...state, ...joined];
  }, 'number of steps known before the run'),

  Loop: written((e, node) => {
    const [most = '', go = '', ...initial] = node.inputs;
    const limit = most === '' ? LONGEST + 1 : e.knownInts(most)?.[0];
    if (typeof limit !== 'number') throw notStatic(node, 'its number of steps');
    const body = subgraphOf(node, 'body');
    const copy = copies(e, body);
    let state = initial;
    let condition = go;
    const results: string[][] = node.outputs.slice(initial.length).map(() => []);
    for (let t = 0; t < limit; t++) {
      const goes = condition === '' ? 1 : e.knownInts(condition)?.[0];
      if (goes === undefined || t > LONGEST) throw notStatic(node, 'its end');
      if (goes === 0) break;
      const made = copy([e.scalar(t, 'int64'), condition === '' ? truth(e) : condition, ...state]);
      condition = made[0]!;
      state = made.slice(1, 1 + initial.length);
      for (const [i, value] of made.slice(1 + initial.length).entries()) results[i]!.push(value);
    }
    if (results.some((r) => r.length === 0)) throw notStatic(node, 'a result of no step');
    return [...state, ...results.map((r) => stacked(e, r, 0))];
  }, 'number of steps known before the run'),
};

const truth = (e: Emitter): string =>
  e.constant({ dtype: 'bool', shape: [], data: Uint8Array.of(1) }, 'true');
