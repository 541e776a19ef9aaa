/**
 * @file ONNX files that others made, inside npm and Python packages: opened, all sites read, differentiated.
 * `npm run bench:onnx-files -- [--json] [--save] [--only TEXT] [--doc]`: fetches the packages (once, into the cache), checks
 * every file and prints what holds; `--save` writes bench/results/onnx-files.json, `--doc` the table of docs/models.md.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { reportError } from '../src/core/errors.ts';
import { silent } from '../src/core/progress.ts';
import { random } from '../src/core/random.ts';
import type { Tensor } from '../src/core/tensor.ts';
import { decodeOnnx } from '../src/graph/onnx.ts';
import type { Graph } from '../src/graph/types.ts';
import { ancestors, producers } from '../src/graph/uses.ts';
import { type FreeModel, isFree } from '../src/models/free.ts';
import { openModel } from '../src/models/open.ts';
import { fetchPackaged } from '../src/models/packaged.ts';
import {
  filledInput,
  freeGradients,
  randomInput,
  runFree,
  specialisedModel,
} from '../src/models/run-free.ts';
import { runOnce } from '../src/runtime/session.ts';
import { describeMachine } from './machine.ts';
import { type OnnxFile, onnxFiles } from './onnx-files-list.ts';
import { withTable } from './onnx-files-table.ts';
import { resultText, saveResult } from './results.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    doc: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});

/** What was found of one file. A string is the reason why something does not hold. */
export interface FileResult {
  readonly what: string;
  readonly address: string;
  readonly opset?: number;
  readonly nodes?: number;
  readonly parameters?: number;
  readonly kind?: string;
  /** Sites of the outer graph, and how many of them were read in one run. */
  readonly sites?: number;
  readonly read?: number | string;
  /** Largest difference of an output from the file as it came, run by onnxruntime; over the largest output above 1. */
  readonly difference?: number;
  /** Cuts and states of a residual stream that the graph's form suggests. */
  readonly cuts?: number;
  readonly stream?: number;
  /** Sites at which the gradient was taken, of those that differentiate one output. */
  readonly differentiated?: number | string;
  /** |⟨gradient, δ⟩ − central difference| over the larger of both, at the input or the first cut. */
  readonly gradientError?: number;
  readonly fails?: string;
}

const chosen = onnxFiles.filter(({ what, address }) => `${what} ${address}`.includes(values.only));
const files: FileResult[] = [];
for (const file of chosen) {
  const found = await checked(file);
  files.push(found);
  process.stderr.write(`${JSON.stringify(found)}\n`);
}
const result = {
  what: 'ONNX files that others made: opened, all sites read, differentiated',
  command: 'npm run bench:onnx-files -- --save',
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  files,
};
if (values.save) saveResult('onnx-files', result);
if (values.doc || values.save) {
  const page = 'docs/models.md';
  if (existsSync(page)) writeFileSync(page, withTable(readFileSync(page, 'utf8'), files));
}
if (values.json) process.stdout.write(resultText(result));

async function checked(file: OnnxFile): Promise<FileResult> {
  const { what, address } = file;
  let model: FreeModel;
  let original: Graph;
  try {
    const path = await fetchPackaged(address, { progress: silent });
    original = decodeOnnx(readFileSync(path), { file: path });
    const opened = await openModel(address, { progress: silent });
    if (!isFree(opened)) throw new Error('this is no ONNX file');
    model = opened;
  } catch (error) {
    return { what, address, fails: said(error) };
  }
  const inputs = inputsOf(model, file);
  try {
    // Values inside of branches are sites only once the branches are decided.
    if (model.graph.nodes.some(({ op }) => op === 'If'))
      model = await specialisedModel(model, inputs, { threads: 2 });
  } catch (error) {
    return { what, address, fails: said(error) };
  }
  const base = {
    what,
    address,
    opset: original.opset,
    nodes: model.graph.nodes.length,
    parameters: model.parameters,
    kind: model.kind,
    sites: model.sites.length,
    cuts: model.sites.filter((site) => site.landmark !== undefined && site.landmark !== 'block output')
      .length,
    stream: model.sites.filter((site) => site.landmark === 'residual stream').length,
  };
  return { ...base, ...(await readAll(model, original, inputs)), ...(await differentiated(model, inputs)) };
}

/** All sites in one run, and the outputs beside those of the file as it came. */
async function readAll(
  model: FreeModel,
  original: Graph,
  inputs: Record<string, Tensor>,
): Promise<Partial<FileResult>> {
  try {
    const read = model.sites.map((site) => site.name);
    const { outputs, sites } = await runFree(model, { inputs, read, threads: 2 });
    const plain = await runOnce(original, inputs, { threads: 2 });
    let [worst, largest] = [0, 1];
    for (const name of original.outputs) {
      const [a, b] = [outputs[name]!.data, plain[name]!.data];
      for (let i = 0; i < b.length; i++) {
        worst = Math.max(worst, Math.abs(Number(a[i]) - Number(b[i])));
        largest = Math.max(largest, Math.abs(Number(b[i])));
      }
    }
    return { read: Object.keys(sites).length, difference: worst / largest };
  } catch (error) {
    return { read: said(error) };
  }
}

/**
 * Gradients of a random sum of the scores at every cut (every site on the way where there is none), and the steepest
 * direction of the input against central differences. Scores are the output before its last softmax or sigmoid,
 * which would flatten a network that says nothing about made-up inputs.
 */
async function differentiated(
  model: FreeModel,
  inputs: Record<string, Tensor>,
): Promise<Partial<FileResult>> {
  try {
    const of = scoresOf(model);
    const scores = (await runFree(model, { inputs, read: [of], threads: 2 })).sites[of]!;
    const stream = random(7);
    const cotangent = {
      ...scores,
      data: Float32Array.from(scores.data as Float32Array, () => stream.normal()),
    } as Tensor;
    const before = ancestors(model.graph, [of]);
    const sites = model.sites.filter(({ name }) => name !== of && before.has(name));
    const marked = sites.filter((site) => site.landmark !== undefined);
    const start = model.inputs.find(({ name, dtype }) => dtype === 'float32' && before.has(name))?.name;
    const wrt = [...(start ? [start] : []), ...(marked.length > 0 ? marked : sites).map((site) => site.name)];
    const gradients = await freeGradients(model, { inputs, of, cotangent, wrt, threads: 2 });
    const finite = Object.values(gradients).every((g) => (g.data as Float32Array).every(Number.isFinite));
    if (!finite) throw new Error('a gradient is not finite');
    const error = start
      ? await directional(model, inputs, of, cotangent, start, gradients[start]!)
      : undefined;
    return { differentiated: wrt.length, ...(error === undefined ? {} : { gradientError: error }) };
  } catch (error) {
    return { differentiated: said(error) };
  }
}

/** The floating-point output that landmarks lead to, before the last softmax or sigmoid. */
function scoresOf(model: FreeModel): string {
  const names = new Set(model.sites.map((site) => site.name));
  const outputs = model.graph.outputs.filter((name) => names.has(name));
  const last = model.sites.findLast((site) => site.landmark !== undefined && outputs.includes(site.name));
  const made = producers(model.graph);
  let of = last?.name ?? outputs[0] ?? model.graph.outputs[0]!;
  for (let node = made.get(of); node; node = made.get(of)) {
    const flat = ['Softmax', 'Sigmoid', 'LogSoftmax'].includes(node.op);
    if (!flat && !['Identity', 'Reshape', 'Squeeze', 'Flatten', 'ReduceMean'].includes(node.op)) break;
    if (!names.has(node.inputs[0]!)) break;
    of = node.inputs[0]!;
    if (flat) break;
  }
  return of;
}

/** Along the gradient itself, the steepest direction, so that rounding in float32 matters least. */
async function directional(
  model: FreeModel,
  inputs: Record<string, Tensor>,
  of: string,
  cotangent: Tensor,
  at: string,
  gradient: Tensor,
): Promise<number | undefined> {
  const g = gradient.data as Float32Array;
  const norm = Math.sqrt(g.reduce((sum, v) => sum + v * v, 0));
  // Constant weights can make a network that does not depend on its input.
  if (norm < 1e-6) return undefined;
  const x = inputs[at]!;
  const size = Math.sqrt((x.data as Float32Array).reduce((sum, v) => sum + v * v, 0));
  const total = async (h: number): Promise<number> => {
    const data = Float32Array.from(x.data as Float32Array, (v, i) => v + (h * g[i]!) / norm);
    const run = await runFree(model, {
      inputs: { ...inputs, [at]: { ...x, data } as Tensor },
      read: [of],
      threads: 2,
    });
    const scores = run.sites[of]!.data as Float32Array;
    return scores.reduce((sum, v, i) => sum + v * Number(cotangent.data[i]), 0);
  };
  const errors: number[] = [];
  for (const step of [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6]) {
    const h = step * size;
    const difference = ((await total(h)) - (await total(-h))) / (2 * h);
    errors.push(Math.abs(difference - norm) / Math.max(norm, Math.abs(difference)));
  }
  // The best step: larger ones meet kinks, smaller ones rounding.
  return Math.min(...errors);
}

function inputsOf(model: FreeModel, { inputs = {} }: OnnxFile): Record<string, Tensor> {
  return Object.fromEntries(
    model.inputs.map((input) => {
      const given = inputs[input.name];
      const scaled = (t: Tensor, by: number): Tensor =>
        ({ ...t, data: (t.data as Float32Array).map((v) => v * by) }) as Tensor;
      if (given && 'fill' in given) return [input.name, filledInput(input, given.fill, given.shape)] as const;
      const made = randomInput(input, 1, given?.shape);
      return [input.name, input.dtype === 'float32' ? scaled(made, given?.deviation ?? 0.3) : made] as const;
    }),
  );
}

/** The reason, with its code. */
function said(error: unknown): string {
  const { code, message } = reportError(error);
  return `\`${code}\`: ${message.replaceAll('|', '/').slice(0, 160)}`;
}
