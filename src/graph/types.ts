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

/** ONNX attribute, tagged by its kind (ONNX tells 1 from 1.0). */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor }
  | { readonly graph: Graph };

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

/** A weight in memory (small, or a constant) or in a file. */
export type Weight = Tensor | ExternalWeight;

export const isExternal = (weight: Weight): weight is ExternalWeight => 'file' in weight;

/** A network. Nodes stand in topological order; every value name is unique (single assignment). */
export interface Graph {
  readonly inputs: readonly ValueInfo[];
  /** Names of values that a run returns. */
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  readonly weights: ReadonlyMap<string, Weight>;
  /** Version of the ai.onnx operator set. */
  readonly opset: number;
}
