/** @file `untangle run FILE.onnx --input …`: a network of any kind on tensors, its outputs and any site. */
import { readFile } from 'node:fs/promises';
import { UsageError } from '../../core/errors.ts';
import { type Tensor, toNumbers } from '../../core/tensor.ts';
import { fileFailure } from '../../files/failures.ts';
import { decodeNpy, writeNpz } from '../../files/npz.ts';
import type { FreeModel } from '../../models/free.ts';
import { type Io, printJson } from '../io.ts';
import { table } from '../table.ts';
import type { RunOptions } from './run-options.ts';

/** Runs the network once and prints, or writes, what it gives. */
export async function runTensors(model: FreeModel, options: RunOptions, io: Io): Promise<void> {
  const { threads, read, out, seed = 0, lowMemory = false } = options;
  const { runFree } = await import('../../models/run-free.ts');
  const inputs = await readInputs(model, options.input, seed);
  const result = await runFree(model, { inputs, read, threads, lowMemory, signal: io.signal });
  const all = { ...result.outputs, ...result.sites };
  if (out !== undefined) await writeNpz(out, all);
  if (options.json) {
    const shown = (tensors: Readonly<Record<string, Tensor>>) =>
      Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]) => {
          const { dtype, shape } = tensor;
          return [name, { dtype, shape, ...(out === undefined ? { data: toNumbers(tensor) } : {}) }];
        }),
      );
    const { name, source, note, kind, parameters } = model;
    const document = {
      model: { name, source, note, kind, parameters },
      outputs: shown(result.outputs),
      sites: shown(result.sites),
      ...(out === undefined ? {} : { out }),
    };
    printJson(io, document);
    return;
  }
  const rows = Object.entries(all).map(([name, tensor]) => [
    name,
    name in result.outputs ? 'output' : 'site',
    tensor.dtype,
    tensor.shape.join(' × '),
    tensor.dtype === 'float16' ? '' : firstNumbers(tensor),
  ]);
  io.out(table(['value', '', 'numbers', 'shape', 'first'], rows));
  if (out !== undefined) io.out(`\nWrote ${out}\n`);
  if (model.note) io.out(`\n${io.style.faint(model.note)}\n`);
}

const firstNumbers = ({ data }: Tensor): string =>
  Array.from(data.subarray(0, 4) as ArrayLike<number | bigint>, (v) => Number(v).toPrecision(4)).join(' ') +
  (data.length > 4 ? ' …' : '');

/** `NAME=FILE.npy`, `NAME=random`, `NAME=random:1,3,64,64`, `NAME=NUMBER` or `NAME=NUMBER:1,8`. */
async function readInputs(
  model: FreeModel,
  texts: readonly string[],
  seed: number,
): Promise<Record<string, Tensor>> {
  const { filledInput, randomInput } = await import('../../models/run-free.ts');
  const inputs: Record<string, Tensor> = {};
  for (const text of texts) {
    const [name, given] = split(text);
    const input = model.inputs.find((one) => one.name === name);
    if (!input)
      throw wrong(`the network has no input "${name}"`, model.inputs.map((one) => one.name).join(', '));
    const [, what, sizes] = /^(random|-?[\d.]+(?:e[+-]?\d+)?)(?::([\d,]+))?$/i.exec(given) ?? [];
    const shape = sizes?.split(',').map(Number);
    if (what === 'random') inputs[name] = randomInput(input, seed, shape);
    else if (what !== undefined) inputs[name] = filledInput(input, Number(what), shape);
    else inputs[name] = decodeNpy(await read(given), given);
  }
  return inputs;
}

function split(text: string): [string, string] {
  // A name may hold =; a file or number rarely does.
  const at = text.lastIndexOf('=');
  if (at <= 0)
    throw wrong(`"${text}" gives no input`, 'NAME=FILE.npy, NAME=random, NAME=random:1,3,64,64, NAME=1');
  return [text.slice(0, at), text.slice(at + 1)];
}

const read = (path: string): Promise<Uint8Array> =>
  readFile(path).catch((error: unknown) => {
    throw fileFailure(error, path, 'cannot read');
  });

const wrong = (message: string, known: string) =>
  new UsageError('usage.input', message, { hint: `write ${known}` });
