/** @file Edits on disk: small JSON, big arrays in a safetensors (or npz) file beside it; version 1 is still read. */
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { EditError, nearestNames } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { loadDictionary, saveDictionary } from '../dictionaries/files.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { formFault, readJson, writeJson } from '../files/atomic.ts';
import { readNpz } from '../files/npz.ts';
import { openSafetensors, writeSafetensors } from '../files/safetensors.ts';
import type { SiteInfo } from '../models/types.ts';
import { type AppliedEdit, applyEdit } from './apply.ts';
import { type Change, type Edit, kinds } from './kinds/registry.ts';
import type { DictionaryAt, Numbers } from './kinds/types.ts';
import type { EditedNetwork } from './place.ts';

/** Arrays of more numbers stand in a file of their own. */
const INSIDE = 64;

/** In place of a site: everything that is written into the residual stream, so that the whole stream is changed. */
export const RESIDUAL_WRITES = 'residual-writes';

const someChanges = z.array(z.looseObject({ kind: z.string() })).min(1);
const fileSchema = z.discriminatedUnion(
  'version',
  [
    z.strictObject({
      format: z.literal('untangle-edit'),
      version: z.literal(2),
      model: z.strictObject({ name: z.string(), hash: z.string() }).optional(),
      changes: someChanges,
    }),
    z.strictObject({ format: z.literal('untangle-edit'), version: z.literal(1), changes: someChanges }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? 'expected 2 (or 1, the older form)' : undefined) },
);

/** An edit file as it is written: nothing that it names is read. @throws FileError `file.missing`, EditError `edit.file` */
export async function readEditFile(path: string): Promise<z.output<typeof fileSchema>> {
  return readJson(path, fileSchema).catch((error: unknown) => {
    const fault = formFault(error);
    if (fault === undefined) throw error;
    throw notAnEdit(path, fault, error);
  });
}

/** A network whose sites are known: a model. */
export type KnownNetwork = EditedNetwork & { readonly sites?: readonly SiteInfo[] };

/** An edit from a file, ready to run. @throws as readEdit() and applyEdit() */
export const openEdit = async (path: string, network: KnownNetwork): Promise<AppliedEdit> =>
  applyEdit(await readEdit(path, network), network);

/**
 * Reads an edit. Files and folders that it names lie relative to it.
 * @throws FileError `file.missing`; EditError `edit.file` (another form), `edit.vector` (no such array),
 *   `edit.other-model`
 */
export async function readEdit(path: string, network: KnownNetwork): Promise<Edit> {
  const raw = await readEditFile(path);
  const folder = dirname(path);
  const changes: Change[] = [];
  for (const [i, written] of raw.changes.entries()) {
    const given = raw.version === 1 ? newForm(written) : written;
    for (const site of sitesOf(given.site, network)) {
      const read = await withFiles(site === undefined ? given : { ...given, site }, folder, network);
      changes.push(parseChange(read, `${path}, change ${i + 1}`));
    }
  }
  return { ...('model' in raw && raw.model ? { model: raw.model } : {}), changes };
}

/**
 * Checks a change whose arrays and dictionary are there.
 * @throws EditError `edit.file`
 */
export function parseChange(given: Record<string, unknown>, where: string): Change {
  const name = String(given.kind);
  if (!Object.hasOwn(kinds, name)) {
    const near = nearestNames(name, Object.keys(kinds)).join(', ');
    throw notAnEdit(where, `there is no kind "${name}"; nearest: ${near}`);
  }
  const parsed = kinds[name as Change['kind']].schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const branch = 'dictionary' in given ? 1 : 0;
  const inner = issue?.code === 'invalid_union' ? (issue.errors[branch]?.[0] ?? issue) : issue;
  const at = inner && inner.path.length > 0 ? `${inner.path.map(String).join('.')}: ` : '';
  throw notAnEdit(where, `${name}: ${at}${inner?.message ?? 'it has another form'}`, parsed.error);
}

const notAnEdit = (path: string, fault: string, cause?: unknown) =>
  new EditError('edit.file', `${path} is no edit: ${fault}`, {
    where: path,
    hint: 'its form is described in docs/edits.md, "The file"',
    ...(cause === undefined ? {} : { cause }),
  });

type Written = Record<string, unknown> & { readonly kind: string };

/** Version 1 had three kinds. */
function newForm({ kind, ...rest }: Written): Written {
  if (kind === 'add') return { ...rest, kind: 'steer' };
  if (kind === 'features') return { ...rest, kind: 'zero' };
  return { ...rest, kind };
}

function sitesOf(site: unknown, { graph, sites }: KnownNetwork): (string | undefined)[] {
  if (site !== RESIDUAL_WRITES) return [typeof site === 'string' ? site : undefined];
  return residualWrites(sites?.map((s) => s.name) ?? graph.nodes.flatMap((n) => n.outputs));
}

/** The sites whose sum the residual stream is, of all names of sites. */
export const residualWrites = (names: readonly string[]): string[] =>
  names.filter((name) => /(^hook_(pos_|token_type_)?embed|\.hook_(attn|mlp)_out)$/.test(name));

/** `{ file, name }` read as an array, `dictionary` as a dictionary. */
async function withFiles(change: Written, folder: string, network: KnownNetwork): Promise<Written> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(change)) {
    if (key === 'dictionary' && typeof value === 'string') {
      const at = resolve(folder, value);
      const dictionary = await loadDictionary(at);
      if (dictionary.modelHash !== network.hash) throw otherDictionary(value, network.name);
      out[key] = { dictionary, folder: at } satisfies DictionaryAt;
    } else if (isReference(value)) out[key] = await readArray(resolve(folder, value.file), value.name);
    else out[key] = value;
  }
  return out as Written;
}

const otherDictionary = (folder: string, name: string) =>
  new EditError('edit.other-model', `${folder} was learned on another model than ${name}`, {
    where: folder,
    hint: 'train it again on this model',
  });

interface Reference {
  readonly file: string;
  readonly name: string;
}

const isReference = (value: unknown): value is Reference =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<Reference>).file === 'string' &&
  typeof (value as Partial<Reference>).name === 'string';

/** A float array of an npz or safetensors file. @throws EditError `edit.vector` */
export async function readArray(file: string, name: string): Promise<Numbers> {
  const found =
    extname(file) === '.safetensors' ? await fromSafetensors(file, name) : (await readNpz(file))[name];
  if (found && (found.dtype === 'float32' || found.dtype === 'float64')) return found as Numbers;
  throw new EditError('edit.vector', `${file} has no array of floats named "${name}"`, {
    where: file,
    hint: 'write it with numpy.savez, or with untangle run --read … --out',
  });
}

async function fromSafetensors(file: string, name: string): Promise<Tensor | undefined> {
  const opened = await openSafetensors(file);
  try {
    return opened.names.includes(name) ? opened.read(name) : undefined;
  } finally {
    opened.close();
  }
}

/** Writes an edit; arrays of more than a few numbers into `NAME.safetensors` beside it, dictionaries by their folders. */
export async function writeEdit(path: string, edit: Edit): Promise<void> {
  const folder = dirname(resolve(path));
  const base = basename(path, extname(path));
  const arrays: Record<string, Tensor> = {};
  const saved = new Map<Dictionary, string>();
  const changes: Record<string, unknown>[] = [];
  for (const [i, change] of edit.changes.entries()) {
    const out: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(change)) {
      if (key === 'dictionary') out[key] = await dictionaryPath(value as DictionaryAt, folder, base, saved);
      else if (isTensor(value)) {
        const name = `${i}.${key}`;
        if (value.data.length > INSIDE) arrays[name] = value;
        out[key] = arrays[name] ? { file: `${base}.safetensors`, name } : written(value);
      } else out[key] = value;
    }
    changes.push(out);
  }
  if (Object.keys(arrays).length > 0) {
    const metadata = { format: 'untangle-edit' };
    await writeSafetensors(join(folder, `${base}.safetensors`), arrays, metadata);
  }
  const model = edit.model ? { model: edit.model } : {};
  await writeJson(path, { format: 'untangle-edit', version: 2, ...model, changes });
}

const isTensor = (value: unknown): value is Numbers =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'data' in value;

const written = ({ shape, data }: Numbers): number[] | number[][] => {
  const all = Array.from(data);
  if (shape.length < 2) return all;
  return Array.from({ length: shape[0]! }, (_, r) => all.slice(r * shape[1]!, (r + 1) * shape[1]!));
};

async function dictionaryPath(
  at: DictionaryAt,
  folder: string,
  base: string,
  saved: Map<Dictionary, string>,
): Promise<string> {
  const own = at.folder ?? saved.get(at.dictionary) ?? join(folder, `${base}-dictionary-${saved.size}`);
  if (at.folder === undefined && !saved.has(at.dictionary)) {
    await saveDictionary(own, at.dictionary);
    saved.set(at.dictionary, own);
  }
  return relative(folder, own).split(sep).join('/');
}
