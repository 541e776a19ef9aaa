/** @file A session runs one graph with onnxruntime. It blocks its thread: call it from workers, not from servers. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import * as ort from 'onnxruntime-node';
import { RuntimeError } from '../core/errors.ts';
import type { DType, Tensor, TypedArray } from '../core/tensor.ts';
import { read } from '../graph/interventions.ts';
import { encodeOnnx } from '../graph/onnx.ts';
import { type Graph, isExternal } from '../graph/types.ts';
import { checkFeeds } from './feeds.ts';
import { type Provider, type SessionTuning, sessionOptions } from './options.ts';

export type Tensors = Readonly<Record<string, Tensor>>;

/** A graph ready to run. */
export interface Session {
  /** Names of inputs that a run needs. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * Runs the graph on `feeds` and returns all outputs. Outputs named in `into` are written into those tensors
   * (and are those tensors), which keeps memory flat in long loops.
   * @throws RuntimeError `runtime.missing-input`, `runtime.unknown-input`, `runtime.dtype`, `runtime.shape`,
   * `runtime.released`, `runtime.failed`.
   */
  run(feeds: Tensors, into?: Tensors): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

export interface SessionOptions extends SessionTuning {
  /** Folder that holds all external weights; that of the first external weight by default. */
  readonly folder?: string;
  /** Values (sites) that runs return besides the graph's own outputs. */
  readonly additionalOutputs?: readonly string[];
}

/**
 * Opens a session. In-memory weights go through the protobuf (2 GB at most); external ones are mapped from
 * their file, whose pages all sessions share.
 * @throws RuntimeError `runtime.session` when onnxruntime refuses the graph, `runtime.provider` when it cannot run where it is asked to, `runtime.weights-file` when a
 * weights file is missing or shorter than the graph says, GraphError `graph.unknown-site` for an additional output that
 * the graph has not.
 */
export async function openSession(given: Graph, options: SessionOptions): Promise<Session> {
  const graph = read(given, options.additionalOutputs ?? []);
  const folder = checkWeightFiles(graph, options.folder);
  const bytes = encodeOnnx(graph, folder === undefined ? {} : { externalDir: folder });
  requireProvider(options.provider);
  let native: ort.InferenceSession | undefined;
  try {
    native = await ort.InferenceSession.create(bytes, sessionOptions(options, folder, usesFloat64(graph)));
  } catch (cause) {
    if (options.provider && options.provider !== 'cpu')
      throw noProvider(options.provider, messageOf(cause), cause);
    throw new RuntimeError('runtime.session', `onnxruntime cannot open the graph: ${messageOf(cause)}`, {
      hint: 'an operator or element type may have no kernel on this device',
      cause,
    });
  }
  return {
    inputs: graph.inputs.map((input) => input.name),
    outputs: graph.outputs,
    async run(feeds, into = {}) {
      if (!native) throw new RuntimeError('runtime.released', 'the session was released before this run');
      checkFeeds(graph, feeds, into);
      return runNative(native, graph, feeds, into);
    },
    async release() {
      const closing = native;
      native = undefined;
      await closing?.release();
    },
  };
}

/** onnxruntime would leave a provider out that it does not know, and run on the processor without a word. */
function requireProvider(provider: Provider | undefined): void {
  if (provider === undefined || provider === 'cpu') return;
  const known = ort.listSupportedBackends().map(({ name }) => name);
  if (!known.includes(provider)) throw noProvider(provider, `it has ${known.join(', ')}`);
}

const noProvider = (provider: Provider, why: string, cause?: unknown) =>
  new RuntimeError('runtime.provider', `onnxruntime cannot run on ${provider} here: ${why}`, {
    where: provider,
    hint: 'webgpu needs a driver for Vulkan, Metal or Direct3D 12, cuda the libraries that onnxruntime-node downloads on install; cpu always works',
    cause,
  });

/** Opens a session, runs it once and releases it. For checks and single questions, not for loops. */
export async function runOnce(
  graph: Graph,
  feeds: Tensors,
  options: SessionOptions,
): Promise<Record<string, Tensor>> {
  const session = await openSession(graph, options);
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

async function runNative(
  native: ort.InferenceSession,
  graph: Graph,
  feeds: Tensors,
  into: Tensors,
): Promise<Record<string, Tensor>> {
  const given: Record<string, ort.Tensor> = {};
  for (const { name } of graph.inputs) given[name] = toOrt(feeds[name]!);
  const fetches: Record<string, ort.Tensor | null> = {};
  for (const name of graph.outputs) fetches[name] = into[name] ? toOrt(into[name]) : null;
  let results: ort.InferenceSession.ReturnType;
  try {
    results = await native.run(given, fetches);
  } catch (cause) {
    throw new RuntimeError('runtime.failed', `the run failed: ${messageOf(cause)}`, {
      hint: 'the message names the operator; where memory ran out, run shorter or fewer texts at once',
      cause,
    });
  }
  const out: Record<string, Tensor> = {};
  for (const name of graph.outputs) out[name] = into[name] ?? fromOrt(results[name] as ort.Tensor);
  return out;
}

/** Whether any input or weight is float64: what a graph computes in float64 comes from one of them. */
const usesFloat64 = (graph: Graph): boolean =>
  [...graph.inputs, ...graph.weights.values()].some((value) => 'dtype' in value && value.dtype === 'float64');

/** The folder of external weights, all of which must lie in it. */
function checkWeightFiles(graph: Graph, given: string | undefined): string | undefined {
  let folder = given && resolve(given);
  const sizes = new Map<string, number>();
  for (const [name, weight] of graph.weights) {
    if (!isExternal(weight)) continue;
    folder ??= resolve(weight.file, '..');
    let size = sizes.get(weight.file);
    if (size === undefined) {
      size = statSync(weight.file, { throwIfNoEntry: false })?.size ?? -1;
      sizes.set(weight.file, size);
    }
    if (size < weight.offset + weight.length) {
      const what = size < 0 ? 'is not there' : `has ${size} bytes, too few for "${name}"`;
      throw new RuntimeError('runtime.weights-file', `the weights file ${weight.file} ${what}`, {
        where: weight.file,
        hint: 'delete the converted model from the cache and open the model again',
      });
    }
  }
  return folder;
}

const toOrt = (t: Tensor): ort.Tensor =>
  new ort.Tensor(t.dtype as 'float32', t.data as Float32Array, t.shape as number[]);

function fromOrt(t: ort.Tensor): Tensor {
  const dtype = t.type as DType;
  return { dtype, shape: t.dims, data: t.data as TypedArray } as Tensor;
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));
