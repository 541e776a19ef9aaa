/** @file Circuits on disk, outside a study: what was asked for, and what was found, in one circuit.json. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { CircuitResult } from '../../circuits/types.ts';
import { CircuitError } from '../../core/errors.ts';
import { readJson, writeJson } from '../../files/atomic.ts';

export interface StoredCircuit {
  /** Hash of everything that the result depends on. */
  readonly hash: string;
  readonly model: { readonly name: string; readonly hash: string };
  /** Token ids of the example prompt. */
  readonly tokenIds: readonly number[];
  readonly circuit: CircuitResult;
}

export const CIRCUIT_FILE = 'circuit.json';

/** What every reader relies on; the rest of a result is taken as it is. */
const circuitSchema = z.looseObject({
  task: z.string(),
  title: z.string(),
  sites: z.array(z.string()),
  positions: z.object({ labels: z.array(z.string()), exampleTokens: z.array(z.string()) }),
  nodes: z.array(
    z.looseObject({ id: z.string(), kind: z.string(), position: z.number(), effect: z.number() }),
  ),
  edges: z.array(z.object({ source: z.string(), target: z.string(), weight: z.number() })),
});
const storedSchema = z.looseObject({
  hash: z.string(),
  model: z.object({ name: z.string(), hash: z.string() }),
  tokenIds: z.array(z.number()),
  circuit: circuitSchema,
});

export const saveCircuit = (folder: string, stored: StoredCircuit): Promise<void> =>
  writeJson(join(folder, CIRCUIT_FILE), stored);

/**
 * The circuit in `path`: a folder of `untangle circuit find`, its circuit.json, or the result of a study's circuit step.
 * @throws FileError `file.missing`; CircuitError `circuit.not-a-circuit`
 */
export async function loadCircuit(path: string): Promise<StoredCircuit> {
  const folder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const file = folder ? join(path, CIRCUIT_FILE) : path;
  const value = await readJson(file);
  const stored = storedSchema.safeParse(value);
  if (stored.success) return stored.data as unknown as StoredCircuit;
  const bare = circuitSchema.safeParse(value);
  if (bare.success)
    return {
      ...{ hash: '', model: { name: 'model', hash: '' }, tokenIds: [] },
      circuit: bare.data as unknown as CircuitResult,
    };
  const issue = stored.error.issues[0];
  throw new CircuitError('circuit.not-a-circuit', `${file}: ${issue?.path.join('.')}: ${issue?.message}`, {
    where: file,
    hint: 'give a folder that `untangle circuit find` wrote; graphs of other programs are read by `untangle circuit import`',
  });
}
