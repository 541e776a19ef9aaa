/** @file Opens a concept: a user's own module, imported from a local file and held to its contract. It is run as it is. */
import { stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { EnergyError, nearestNames } from '../../core/errors.ts';
import type { Concept } from './types.ts';

/** Endings of modules that can be imported. */
const ENDINGS = ['.ts', '.mts', '.js', '.mjs'];

const functionSchema = z.custom<() => unknown>((value) => typeof value === 'function', 'expected a function');
const named = {
  name: z.string().min(1),
  meaning: z.string().min(1),
  unit: z.string().min(1).optional(),
};
const conceptSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('observable'),
    ...named,
    over: z.enum(['depth', 'sequence', 'examples']).optional(),
    measure: functionSchema,
  }),
  z.object({ kind: z.literal('potential'), ...named, value: functionSchema }),
  z.object({
    kind: z.literal('clock'),
    ...named,
    coordinates: z.array(z.string().min(1)).min(1),
    motion: functionSchema,
  }),
]);

/** The name of a concept's module: its file without folder and ending. */
export const moduleName = (path: string): string => basename(path, extname(path));

/**
 * Imports the module and checks its default export. Importing runs the file with all rights of this process: it is the
 * user's own code. Addresses and package names are not taken.
 * @throws EnergyError `energy.concept-file` (no such local file, or another kind of file), `energy.concept-load` (it does not
 *   load), `energy.concept-export` (no default export of the contract's form)
 */
export async function loadConcept(path: string): Promise<Concept> {
  const file = resolve(path);
  if (!ENDINGS.includes(extname(file)) || !(await stat(file).catch(() => undefined))?.isFile()) {
    throw new EnergyError('energy.concept-file', `there is no module at ${path}`, {
      where: path,
      hint: `name a local file that ends in ${ENDINGS.join(', ')}; docs/energy.md has one to copy`,
    });
  }
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as typeof module;
  } catch (cause) {
    throw new EnergyError('energy.concept-load', `${basename(file)} does not load: ${messageOf(cause)}`, {
      where: path,
      hint: `run \`npx tsx ${basename(file)}\` beside it to see the error in full`,
      cause,
    });
  }
  const parsed = conceptSchema.safeParse(module.default);
  if (parsed.success) return module.default as Concept;
  throw new EnergyError('energy.concept-export', `${basename(file)} ${wrongWith(module, parsed.error)}`, {
    where: path,
    hint: 'export default an object with kind (observable, potential or clock), name, meaning, and measure, value or motion',
  });
}

/** What is wrong, in the words of a sentence that starts with the file's name. */
function wrongWith(module: { readonly default?: unknown }, error: z.ZodError): string {
  const found = module.default;
  if (found === undefined) return 'has no default export';
  if (typeof found !== 'object' || found === null) return `exports a ${typeof found} as its default`;
  const issue = error.issues[0]!;
  const key = String(issue.path[0] ?? '');
  if (key === 'kind') {
    const { kind } = found as { kind?: unknown };
    const kinds = ['observable', 'potential', 'clock'];
    if (kind === undefined) return 'exports an object without "kind"';
    return `is of no known kind: "${String(kind)}" (did you mean "${nearestNames(String(kind), kinds, 1)[0]}"?)`;
  }
  return key in found ? `has a wrong "${key}": ${issue.message}` : `lacks "${key}"`;
}

/** The message of anything that was thrown. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
