/** @file Functions that a model file defines, written out where they are called: graphs hold operators only. */
import { clone, create } from '@bufbuild/protobuf';
import { GraphError } from '../core/errors.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
} from './proto/onnx_pb.js';

/** Nodes that writing out may make, so that a small hostile file cannot fill the memory. */
const MOST_NODES = 2 ** 17;

const keyOf = (domain: string, name: string, overload: string): string =>
  [domain === 'ai.onnx' ? '' : domain, name, overload].join('\0');

/**
 * Writes out calls of the model's own functions, in place, and drops the functions. A function's values are named
 * after the call: `${first result}/${name}`.
 * @throws GraphError `graph.broken` for a function that calls itself, `graph.unsupported` for one written for another
 * operator set than the model, or when too many nodes would come out
 */
export function inlineFunctions(model: ModelProto): void {
  if (model.functions.length === 0 || !model.graph) return;
  const functions = new Map(model.functions.map((f) => [keyOf(f.domain, f.name, f.overload), f] as const));
  const versions = new Map(model.opsetImport.map((o) => [o.domain, o.version]));
  for (const f of functions.values()) {
    for (const { domain, version } of f.opsetImport) {
      const own = versions.get(domain);
      if (own === undefined) {
        versions.set(domain, version);
        model.opsetImport.push(...f.opsetImport.filter((o) => o.domain === domain));
      } else if (own !== version) {
        throw new GraphError(
          'graph.unsupported',
          `the function "${f.name}" is written for operator set ${version} of "${domain}", the model for ${own}`,
          { where: f.name, hint: 'export the model with one operator set' },
        );
      }
    }
  }
  let made = 0;
  let calls = 0;
  const expand = (nodes: readonly NodeProto[], open: readonly FunctionProto[]): NodeProto[] =>
    nodes.flatMap((node) => {
      for (const attribute of node.attribute)
        for (const graph of graphsOf(attribute)) expandGraph(graph, open);
      const f = functions.get(keyOf(node.domain, node.opType, node.overload));
      if (!f) {
        if (++made > MOST_NODES) throw tooMany(node.opType);
        return [node];
      }
      if (open.includes(f)) {
        throw new GraphError('graph.broken', `the function "${f.name}" calls itself`, { where: f.name });
      }
      return expand(bodyOf(f, node, calls++), [...open, f]);
    });
  const expandGraph = (graph: GraphProto, open: readonly FunctionProto[]): void => {
    graph.node = expand(graph.node, open);
  };
  expandGraph(model.graph, []);
  model.functions = [];
}

const graphsOf = (a: AttributeProto): GraphProto[] => (a.g ? [a.g, ...a.graphs] : a.graphs);

const tooMany = (where: string) =>
  new GraphError('graph.unsupported', `writing out the model's functions makes over ${MOST_NODES} nodes`, {
    where,
    hint: 'inline the functions on export',
  });

/** The nodes of `f` with the names and attributes of one call. */
function bodyOf(f: FunctionProto, call: NodeProto, count: number): NodeProto[] {
  const prefix = `${call.output.find((name) => name !== '') ?? `call ${count}`}/`;
  const names = new Map<string, string>([['', '']]);
  f.input.forEach((name, i) => void names.set(name, call.input[i] ?? ''));
  f.output.forEach((name, i) => {
    if (call.output[i] && !f.input.includes(name)) names.set(name, call.output[i]);
  });
  const rename = (name: string) => names.get(name) ?? prefix + name;
  const given = new Map([
    ...f.attributeProto.map((a) => [a.name, a] as const),
    ...call.attribute.map((a) => [a.name, a] as const),
  ]);

  const renameGraph = (graph: GraphProto): void => {
    for (const value of [...graph.input, ...graph.output, ...graph.valueInfo, ...graph.initializer]) {
      value.name = rename(value.name);
    }
    for (const sparse of graph.sparseInitializer)
      if (sparse.values) sparse.values.name = rename(sparse.values.name);
    graph.node = graph.node.map(rewritten);
  };
  const rewritten = (node: NodeProto): NodeProto => {
    node.input = node.input.map(rename);
    node.output = node.output.map(rename);
    node.attribute = node.attribute.flatMap((attribute) => {
      if (attribute.refAttrName !== '') {
        const value = given.get(attribute.refAttrName);
        if (!value) return [];
        const named = clone(AttributeProtoSchema, value);
        named.name = attribute.name;
        return [named];
      }
      graphsOf(attribute).forEach(renameGraph);
      return [attribute];
    });
    return node;
  };
  const nodes = f.node.map((node) => rewritten(clone(NodeProtoSchema, node)));
  // A result that is one of the function's inputs, unchanged, has no node that could take its name.
  f.output.forEach((name, i) => {
    const at = f.input.indexOf(name);
    if (at >= 0 && call.output[i]) {
      nodes.push(
        create(NodeProtoSchema, {
          opType: 'Identity',
          input: [call.input[at] ?? ''],
          output: [call.output[i]],
        }),
      );
    }
  });
  return nodes;
}
