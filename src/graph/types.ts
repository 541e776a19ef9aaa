/** @file A network as data: an ONNX graph in plain immutable objects. Everything that changes a network maps Graph → Graph. */
import type { DType, Tensor } from '../core/tensor.ts';

/** A known size, or a named unknown one (`batch`, `position`). Equal names mean equal sizes. */
export type Dim = number | string;

/** Name, element type and shape of a value. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/**
 * An input of a type that nothing here looks into: a sequence, an optional, a map, strings, bfloat16, 4-bit integers, or
 * a tensor of unknown rank. It is carried from file to file.
 */
export interface CarriedInfo {
  readonly name: string;
  /** ONNX's TypeProto as the file has it; empty when the file says nothing. */
  readonly carried: Uint8Array;
}

export type GraphInput = ValueInfo | CarriedInfo;

export const isCarried = <T extends object>(
  value: T,
): value is Extract<T, { readonly carried: Uint8Array }> => 'carried' in value;

/** ONNX attribute, tagged by its kind (ONNX tells 1 from 1.0). */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor }
  | { readonly graph: Graph }
  /** Anything else (types, sparse tensors, lists of graphs): ONNX's AttributeProto as the file has it. */
  | { readonly carried: Uint8Array };

export interface Node {
  /** ONNX operator type, e.g. `MatMul`. */
  readonly op: string;
  /** Empty for ai.onnx; `com.microsoft` for onnxruntime's own operators. */
  readonly domain: string;
  /** Names of values; '' stands for an absent optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Weights that stay in a file beside the graph (ONNX external data): never copied into the protobuf. */
export interface ExternalWeight {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** A weight in memory (small, or a constant) or in a file. Constants of other types are Constant nodes. */
export type Weight = Tensor | ExternalWeight;

export const isExternal = (weight: Weight): weight is ExternalWeight => 'file' in weight;

/** A network. Nodes stand in topological order; every value name is unique (single assignment). */
export interface Graph {
  readonly inputs: readonly GraphInput[];
  /** Names of values that a run returns. */
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  readonly weights: ReadonlyMap<string, Weight>;
  /** Version of the ai.onnx operator set. */
  readonly opset: number;
  /** Values that derivatives hold constant (interventions.ts, freeze); names without a value mean nothing. */
  readonly frozen?: readonly string[];
  /** Types that a file declares for outputs; used where inference cannot tell. */
  readonly declared?: readonly GraphInput[];
  /** What the file said beside the graph; absent on graphs built here. */
  readonly notes?: ModelNotes;
}

/** What a model file says beside its graph, carried from reading to writing. */
export interface ModelNotes {
  readonly irVersion: number;
  /** Versions of other operator sets, by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
}
