/** @file Loads the WebAssembly kernels (kernels/*.ts, compiled) onto a memory. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RuntimeError } from '../core/errors.ts';

type Kernel = (...numbers: number[]) => number;

export interface SelectKernels {
  groupMaxima: Kernel;
  rowThresholds: Kernel;
  collect: Kernel;
  collectAbove: Kernel;
  unzip: Kernel;
  closeUp: Kernel;
  prune: Kernel;
  selectRow: Kernel;
  gatherListed: Kernel;
  screenedMaxima: Kernel;
  screenedCollect: Kernel;
  rescore: Kernel;
  quantiseWeights: Kernel;
  quantiseRows: Kernel;
  slacks: Kernel;
  exactRow: Kernel;
  exactListed: Kernel;
}

export interface SparseKernels {
  normalise: Kernel;
  decodeRows: Kernel;
  beginRows: Kernel;
  finishRows: Kernel;
  splitRows: Kernel;
  decodeNested: Kernel;
  decodeDead: Kernel;
  penalise: Kernel;
  powers: Kernel;
  jump: Kernel;
  jumpSlopes: Kernel;
  gate: Kernel;
  gateSlopes: Kernel;
  sumExtras: Kernel;
  countValues: Kernel;
  listBin: Kernel;
  keepLargest: Kernel;
  throughEncoder: Kernel;
  countEntries: Kernel;
  sortEntries: Kernel;
  gradients: Kernel;
  adam: Kernel;
  updateFeatures: Kernel;
  unit: Kernel;
}

/** Toy models of superposition, four instances at once. */
export interface ToyKernels {
  gradients: Kernel;
  train: Kernel;
}

const pages = (bytes: number) => Math.ceil(bytes / 65536);

/** A memory of at least `bytes`, shared between workers or not. */
export function kernelMemory(bytes: number, shared: boolean): WebAssembly.Memory {
  const size = pages(bytes);
  if (size > 65536) {
    throw new RuntimeError('kernels.memory', `${Math.ceil(bytes / 2 ** 20)} MiB exceed WebAssembly's 4 GiB`, {
      hint: 'use fewer features or a smaller batch',
    });
  }
  return new WebAssembly.Memory({ initial: size, maximum: shared ? size : 65536, shared });
}

/**
 * The kernels of kernels/`name`.ts on `memory`.
 * @throws RuntimeError `kernels.missing` when they were not built.
 */
export function loadKernels(name: 'select', memory: WebAssembly.Memory): SelectKernels;
export function loadKernels(name: 'sparse', memory: WebAssembly.Memory): SparseKernels;
export function loadKernels(name: 'toy', memory: WebAssembly.Memory): ToyKernels;
export function loadKernels(name: string, memory: WebAssembly.Memory): unknown {
  const path = fileURLToPath(new URL(`../../kernels/build/${name}.wasm`, import.meta.url));
  if (!existsSync(path)) {
    throw new RuntimeError('kernels.missing', `the WebAssembly kernel "${name}" is not built`, {
      where: path,
      hint: 'run: npm run build:kernels',
    });
  }
  const module = new WebAssembly.Module(readFileSync(path));
  return new WebAssembly.Instance(module, { env: { memory } }).exports;
}

/** Places arrays one after another in a memory, each at a multiple of `align` bytes. */
export interface Arena {
  /** Reserves `count` four-byte elements and returns their byte offset. */
  reserve(count: number, align?: number): number;
  /** Bytes reserved so far. */
  readonly size: number;
}

export function arena(): Arena {
  // The first KiB stays free: AssemblyScript keeps constants there.
  let size = 1024;
  return {
    reserve(count, align = 64) {
      const offset = Math.ceil(size / align) * align;
      size = offset + count * 4;
      return offset;
    },
    get size() {
      return size;
    },
  };
}
