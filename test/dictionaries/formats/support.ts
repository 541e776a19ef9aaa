/** @file The dictionaries that the libraries wrote (test/fixtures/dictionaries), and what they compute, as ours does it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silent } from '../../../src/core/progress.ts';
import { decode, encoder } from '../../../src/dictionaries/encoder.ts';
import { type Opened, openDictionary } from '../../../src/dictionaries/formats/open.ts';
import type { FormatName } from '../../../src/dictionaries/formats/registry.ts';
import type { Dictionary } from '../../../src/dictionaries/types.ts';
import { openSafetensors } from '../../../src/files/safetensors.ts';

export const fixtures = 'test/fixtures/dictionaries';
export const context = { progress: silent };

export interface Case {
  readonly name: string;
  readonly format: FormatName;
  /** Inside the case's folder. */
  readonly path?: string;
  readonly folder?: string;
  readonly target?: number;
  readonly architecture: string;
  readonly activation: string;
  readonly k?: number;
  /** null: the files do not say it. */
  readonly site: string | null;
  readonly output?: { readonly site: string; readonly width: number };
  readonly transcoder?: boolean;
}

export const cases = (
  JSON.parse(readFileSync(join(fixtures, 'cases.json'), 'utf8')) as { cases: readonly Case[] }
).cases;

/** Opens a case as a user would: by its folder or file, with its site where the files do not say it. */
export function opened({ name, folder, path = '', site, target, transcoder }: Case): Promise<Opened> {
  const options = {
    ...(site === null ? { site: 'blocks.3.hook_resid_post' } : {}),
    ...(transcoder ? { output: 'blocks.3.hook_mlp_out' } : {}),
    ...(target === undefined ? {} : { target }),
  };
  return openDictionary(join(fixtures, folder ?? name, path), options, context);
}

export interface Expected {
  readonly x: Float32Array;
  /** Dense, [rows, F]. */
  readonly acts: Float32Array;
  readonly out: Float32Array;
}

/** What the library computed. */
export async function expected(name: string): Promise<Expected> {
  const file = await openSafetensors(join(fixtures, `${name}.expected.safetensors`));
  try {
    const read = (tensor: string) => file.read(tensor).data as Float32Array;
    return { x: read('x'), acts: read('acts'), out: read('out') };
  } finally {
    file.close();
  }
}

/** Dense features [rows, F] and reconstructions of rows. Features are those before a `rowNorm` is scaled back. */
export async function computed(d: Dictionary, x: Float32Array): Promise<Omit<Expected, 'x'>> {
  const engine = await encoder(d);
  const code = await engine.encode(x);
  await engine.release();
  const rows = x.length / d.width;
  const acts = new Float32Array(rows * d.features);
  code.values_BK.forEach((value, i) => {
    const row = Math.floor(i / code.slots);
    if (value !== 0) acts[row * d.features + code.indices_BK[i]!] = value / (code.scale_B?.[row] ?? 1);
  });
  return { acts, out: decode(d, code, x) };
}

/** Largest difference. */
export const apart = (a: Float32Array, b: Float32Array): number =>
  a.length === b.length
    ? a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0)
    : Number.POSITIVE_INFINITY;
