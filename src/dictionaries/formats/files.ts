/** @file The files that a dictionary may be among: those of a folder on this machine, or of a repository of the hub. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DictionaryError, nearestNames } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { fileFailure } from '../../files/failures.ts';
import { orWhatIsHere } from '../../models/fetch.ts';
import { askHub, type HubId, hubIsOff } from '../../models/hub.ts';
import { fetchFiles, findFolders } from '../../models/hub-cache.ts';
import { type Listed, listed, listFor } from './circuit-tracer-config.ts';
import { type FormatName, type Found, findDictionaries } from './registry.ts';

/** A dictionary whose files lie on this machine. */
export interface Located {
  readonly folder: string;
  readonly found: Found;
  /** Of the hub. */
  readonly commit?: string;
  /** Of a file that another repository lists. */
  readonly listed?: Listed;
}

/** A folder with more files than this is not searched for dictionaries. */
const MOST_FILES = 20_000;
const MOST_DEEP = 6;

/** Names of the files below a folder, `/` between parts; hidden folders are left out. */
export async function namesBelow(folder: string): Promise<string[]> {
  const names: string[] = [];
  const visit = async (at: string, depth: number): Promise<void> => {
    const entries = await readdir(join(folder, at), { withFileTypes: true }).catch((error: unknown) => {
      throw fileFailure(error, join(folder, at), 'cannot read');
    });
    for (const entry of entries) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      // In the hub's cache files are links.
      if (!entry.isDirectory()) names.push(path);
      else if (depth < MOST_DEEP && !entry.name.startsWith('.')) await visit(path, depth + 1);
      if (names.length > MOST_FILES) throw tooMany(folder);
    }
  };
  await visit('', 0);
  return names;
}

const tooMany = (folder: string): DictionaryError =>
  new DictionaryError('dictionary.none', `${folder} holds more than ${MOST_FILES} files`, {
    where: folder,
    hint: 'name the folder of the dictionary itself',
  });

/** The dictionary at a path on this machine. @throws DictionaryError `dictionary.none`, `dictionary.several` */
export async function locateHere(
  path: string,
  isFolder: boolean,
  format: FormatName | undefined,
): Promise<Located> {
  if (isFolder) {
    const names = await namesBelow(path);
    return { folder: path, found: chosen(findDictionaries(names, format), undefined, path, names) };
  }
  // What belongs to a file lies beside it or one folder above.
  const inner = dirname(path);
  const folder = dirname(inner);
  const name = `${basename(inner)}/${basename(path)}`;
  const beside = (await readdir(inner)).map((file) => `${basename(inner)}/${file}`);
  const above = await readdir(folder);
  const found = findDictionaries([...beside, ...above], format).filter(({ files }) => files[0] === name);
  return { folder, found: chosen(found, undefined, path, [name]) };
}

/**
 * The dictionary that `id` means, fetched when it is not here: what models of the hub have (cache, resumption, proxies,
 * tokens, HF_HUB_OFFLINE) holds here too. A list of transcoders leads to the repository of one where it `follows`.
 * @throws DictionaryError `dictionary.none`, `dictionary.several`; ModelError `hub.*`, FileError `file.*` of downloads
 */
export async function locateOnHub(
  id: HubId,
  format: FormatName | undefined,
  context: WorkContext,
  refresh: boolean,
  follows = true,
): Promise<Located & { commit: string }> {
  let there: (Located & { commit: string }) | undefined;
  for (const { folder, commit } of await findFolders(id)) {
    const names = await namesBelow(folder);
    const found = findDictionaries(names, format);
    const list = found.length === 0 && follows && !refresh ? listFor(names, id.choice) : undefined;
    const elsewhere = list && (await listed(join(folder, list), id.choice));
    if (elsewhere) return byList(elsewhere, format, context, refresh);
    const one = pick(found, id.choice);
    if (one && !there) there = { folder, found: one, commit };
  }
  // Only the hub knows whether a part of a name means others too.
  const isNamed = there !== undefined && isExactly(there.found, id.choice);
  if (there && ((isNamed && !refresh) || hubIsOff())) return there;
  const fetched = async () => {
    const repository = await askHub(id, context);
    const names = repository.files.map((file) => file.path);
    const all = findDictionaries(names, format);
    const list = all.length === 0 && follows ? listFor(names, id.choice) : undefined;
    if (list) {
      const at = await fetchFiles(repository, id, [list], context, { verify: refresh });
      const elsewhere = await listed(join(at, list), id.choice);
      if (elsewhere) return byList(elsewhere, format, context, refresh);
    }
    const found = chosen(all, id.choice, id.repository, names);
    const folder = await fetchFiles(repository, id, found.files, context, { verify: refresh });
    return { folder, found, commit: repository.commit };
  };
  return orWhatIsHere(id, there, fetched, context);
}

/** What a list names, from the repository that it is in; lists that list lists could go round for ever. */
async function byList(
  one: Listed,
  format: FormatName | undefined,
  context: WorkContext,
  refresh: boolean,
): Promise<Located & { commit: string }> {
  return { ...(await locateOnHub(one.id, format, context, refresh, false)), listed: one };
}

/** The one that `choice` names, by its path or a part of it that no other has. */
function pick(found: readonly Found[], choice: string | undefined): Found | undefined {
  if (choice === undefined) return found.length === 1 ? found[0] : undefined;
  const exact = found.filter((one) => isExactly(one, choice));
  const holding = exact.length > 0 ? exact : found.filter(({ path }) => path.includes(choice));
  return holding.length === 1 ? holding[0] : undefined;
}

const isExactly = ({ path, files }: Found, choice: string | undefined): boolean =>
  choice !== undefined && (path === choice || files[0] === choice);

function chosen(
  found: readonly Found[],
  choice: string | undefined,
  where: string,
  names: readonly string[],
): Found {
  const one = pick(found, choice);
  if (one) return one;
  const paths = found.map(({ path }) => path);
  if (found.length === 0) {
    const some = names.slice(0, 6).join(', ') || 'nothing';
    throw new DictionaryError(
      'dictionary.none',
      `${where} holds no dictionary of a known format: it has ${some}`,
      {
        where,
        hint: 'known: cfg.json with sae_weights.safetensors (SAELens) or sae.safetensors (sparsify), ae.pt (dictionary_learning), params.npz (Gemma Scope), layer_N.safetensors or W_enc_N.safetensors (circuit-tracer)',
      },
    );
  }
  const formats = new Set(found.map(({ format }) => format));
  const near = choice === undefined ? paths.slice(0, 5) : nearestNames(choice, paths, 5);
  throw new DictionaryError(
    'dictionary.several',
    choice === undefined
      ? `${where} holds ${found.length} dictionaries`
      : `"${choice}" is not one of the ${found.length} dictionaries of ${where}, or is more than one`,
    {
      where,
      hint: `name one: on the hub behind a colon (owner/name:${near[0]}), on this machine by its own path; there are ${near.join(', ')}${formats.size > 1 ? `; or name the format: ${[...formats].join(', ')}` : ''}`,
    },
  );
}
