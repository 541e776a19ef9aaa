/**
 * @file Models of the hub on disk, in the layout that Hugging Face's own tools share (huggingface_hub, "Understand
 * caching"): models--owner--name/{blobs/<hash>, snapshots/<commit>/<file>, refs/<revision>}. What they fetched is
 * found here, and what we fetch is found by them.
 */
import type { Dirent } from 'node:fs';
import { link, readdir, readFile, readlink, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { parse } from 'yaml';
import { FileError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { readJson, writeFileAtomic } from '../files/atomic.ts';
import { cacheRoot, exists } from '../files/cache.ts';
import { checkContent } from '../files/download.ts';
import { errnoOf } from '../files/failures.ts';
import { makeFolder } from '../files/folders.ts';
import { fetchHubFile, type HubFile, type HubId, type HubRepository, hubHome } from './hub.ts';
import { type Choice, chooseFiles } from './hub-choice.ts';
import { FILES, indexSchema, shardNames } from './huggingface.ts';

/** A model of the hub that lies on this disk, whole. */
export interface Snapshot {
  readonly repository: string;
  readonly commit: string;
  /** Branches and tags that led to it. */
  readonly revisions: readonly string[];
  readonly folder: string;
  /** What is opened: '' for the folder, or a file in it. */
  readonly entry: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly licence?: string;
}

/**
 * Folders of this layout. The first takes what is fetched: HF_HUB_CACHE, or `hub` in HF_HOME, where these are set;
 * else a folder of our own. All are looked into.
 */
export function hubRoots(): string[] {
  const { HF_HUB_CACHE, HF_HOME } = process.env;
  const shared = HF_HUB_CACHE || join(hubHome(), 'hub');
  const own = join(cacheRoot(), 'hub');
  return HF_HUB_CACHE || HF_HOME ? [shared, own] : [own, shared];
}

const folderName = ({ repository, kind }: Pick<HubId, 'repository' | 'kind'>): string =>
  `${kind ?? 'model'}s--${repository.replace('/', '--')}`;

/** The model of `id` on this disk; undefined when it is not there or not whole. */
export async function findSnapshot(id: HubId): Promise<Snapshot | undefined> {
  for await (const { place, commit } of commitsOf(id)) {
    const found = await readSnapshot(place, id, commit);
    if (found) return found;
  }
  return undefined;
}

/** Folders of that repository at that revision on this disk, whatever was fetched of it. */
export async function findFolders(
  id: HubId,
): Promise<{ readonly folder: string; readonly commit: string }[]> {
  const all: { folder: string; commit: string }[] = [];
  for await (const { place, commit } of commitsOf(id))
    all.push({ folder: join(place, 'snapshots', commit), commit });
  return all;
}

/** Where the revision of `id` lies, by the references and the commits of each root. */
async function* commitsOf(id: HubId): AsyncGenerator<{ place: string; commit: string }> {
  for (const root of hubRoots()) {
    const place = join(root, folderName(id));
    const ref = await readFile(join(place, 'refs', ...id.revision.split('/')), 'utf8').catch(() => '');
    const commits = await readdir(join(place, 'snapshots')).catch(() => [] as string[]);
    const isCommit = /^[0-9a-f]{7,40}$/.test(id.revision);
    const commit =
      commits.find((name) => name === ref.trim()) ??
      (isCommit ? commits.find((name) => name.startsWith(id.revision)) : undefined);
    if (commit !== undefined) yield { place, commit };
  }
}

/** All models of the hub on this disk that can be opened. */
export async function listSnapshots(): Promise<(Snapshot & { readonly root: string })[]> {
  const all: (Snapshot & { readonly root: string })[] = [];
  for (const root of [...new Set(hubRoots())]) {
    for (const name of await readdir(root).catch(() => [] as string[])) {
      const [, owner, model] = /^models--(.+?)--(.+)$/.exec(name) ?? [];
      if (!owner || !model) continue;
      const id = { repository: `${owner}/${model}`, revision: '' };
      for (const commit of await readdir(join(root, name, 'snapshots')).catch(() => [] as string[])) {
        const found = await readSnapshot(join(root, name), id, commit);
        if (found) all.push({ ...found, root });
      }
    }
  }
  return all;
}

async function readSnapshot(place: string, id: HubId, commit: string): Promise<Snapshot | undefined> {
  const folder = join(place, 'snapshots', commit);
  const files: { path: string; size: number }[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    () => [] as Dirent[],
  )) {
    const path = join(entry.parentPath, entry.name);
    // A link whose blob is gone is as good as no file.
    const state = await stat(path).catch(() => undefined);
    if (state?.isFile()) files.push({ path: relative(folder, path).replaceAll('\\', '/'), size: state.size });
  }
  const names = files.map((file) => file.path);
  const choice = await chooseFiles(
    names,
    id.choice,
    () => shardsOf(folder, id.repository),
    id.repository,
  ).catch(() => undefined);
  if (!choice) return undefined;
  const licence = await licenceOf(folder);
  return {
    repository: id.repository,
    commit,
    revisions: await revisionsOf(join(place, 'refs'), commit),
    folder,
    entry: choice.entry,
    files,
    ...(licence ? { licence } : {}),
  };
}

const shardsOf = async (folder: string, where: string): Promise<string[]> =>
  shardNames(await readJson(join(folder, FILES.index), indexSchema), where);

async function revisionsOf(refs: string, commit: string): Promise<string[]> {
  const names = await readdir(refs, { recursive: true }).catch(() => [] as string[]);
  const leading: string[] = [];
  for (const name of names)
    if ((await readFile(join(refs, name), 'utf8').catch(() => '')).trim() === commit)
      leading.push(name.replaceAll('\\', '/'));
  return leading;
}

/** `license` in the head of the model card. */
async function licenceOf(folder: string): Promise<string | undefined> {
  const card = await readFile(join(folder, 'README.md'), 'utf8').catch(() => '');
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1];
  try {
    const { license, license_name: name } = (parse(head ?? '') ?? {}) as Record<string, unknown>;
    const said = typeof name === 'string' && license === 'other' ? name : license;
    return [said ?? []].flat().join(', ') || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Fetches what is missing of a model and returns its snapshot. With `verify` the content of what is there is hashed, too,
 * and what has changed on the disk is fetched anew. Files lie under their hash until all are there; only
 * then do they get their names, so that a snapshot is never seen half.
 * @throws as chooseFiles and fetchHubFile
 */
export async function fetchSnapshot(
  repository: HubRepository,
  id: HubId,
  context: WorkContext,
  options: { readonly verify?: boolean } = {},
): Promise<Snapshot> {
  const { place, fetched, name } = cacheFor(repository, id, context, options);
  await name((await chooseRemote(repository, id, fetched)).files);
  return (await readSnapshot(place, id, repository.commit))!;
}

/**
 * Fetches what is missing of these files of a repository, as fetchSnapshot does, and returns the folder that they are in.
 * @throws as fetchHubFile
 */
export async function fetchFiles(
  repository: HubRepository,
  id: HubId,
  paths: readonly string[],
  context: WorkContext,
  options: { readonly verify?: boolean } = {},
): Promise<string> {
  return cacheFor(repository, id, context, options).name(paths);
}

/** A repository's place in the cache: files fetched under their hash, and named together. */
function cacheFor(
  repository: HubRepository,
  id: HubId,
  context: WorkContext,
  { verify = false }: { readonly verify?: boolean },
) {
  const place = join(hubRoots()[0]!, folderName(id));
  const byName = new Map(repository.files.map((file) => [file.path, file]));
  const at = { ...id, revision: repository.commit };
  const fetched = async (path: string): Promise<string> => {
    throwIfAborted(context.signal);
    const file = byName.get(path)!;
    const blob = join(place, 'blobs', hashOf(file));
    // The hash alone would say little to somebody who watches.
    const progress: WorkContext['progress'] = (event) =>
      context.progress(
        'task' in event && event.task?.startsWith('download/')
          ? {
              ...event,
              task: `download/${path}`,
              ...('label' in event ? { label: `Downloading ${path}` } : {}),
            }
          : event,
      );
    if (verify && (await exists(blob))) await removeIfSpoiled(blob, file, context);
    if (!(await exists(blob))) await fetchHubFile(at, file, blob, { ...context, progress });
    return blob;
  };
  const name = async (paths: readonly string[]): Promise<string> => {
    const blobs: [string, string][] = [];
    for (const path of paths) blobs.push([path, await fetched(path)]);
    const folder = join(place, 'snapshots', repository.commit);
    for (const [path, blob] of blobs) await giveName(blob, join(folder, path));
    if (id.revision !== repository.commit)
      await writeFileAtomic(join(place, 'refs', ...id.revision.split('/')), repository.commit);
    return folder;
  };
  return { place, fetched, name };
}

/** Removes a file whose content is no longer what its name says. */
async function removeIfSpoiled(blob: string, file: HubFile, { progress }: WorkContext): Promise<void> {
  try {
    await checkContent(file.path, blob, file);
  } catch (error) {
    if (!(error instanceof FileError) || error.code !== 'file.checksum') throw error;
    progress({ type: 'note', text: `${error.message}; it is fetched again` });
    await rm(blob, { force: true });
  }
}

/** The files of the model that `id` means; the index of a model in many files is fetched to know them. */
export const chooseRemote = (
  repository: HubRepository,
  id: HubId,
  fetched: (path: string) => Promise<string>,
): Promise<Choice> =>
  chooseFiles(
    repository.files.map((file) => file.path),
    id.choice,
    async () => shardNames(await readJson(await fetched(FILES.index), indexSchema), id.repository),
    id.repository,
  );

const hashOf = (file: HubFile): string => file.sha256 ?? file.gitSha1!;

/** Makes `name` lead to `blob`: a link where the system has them. */
async function giveName(blob: string, name: string): Promise<void> {
  await makeFolder(dirname(name));
  if (await exists(name)) return;
  await rm(name, { force: true });
  try {
    await symlink(relative(dirname(name), blob), name);
  } catch (error) {
    if (!['EPERM', 'EACCES', 'ENOSYS'].includes(errnoOf(error) ?? '')) throw error;
    await link(blob, name);
  }
}

/** The files of a snapshot with the hashes under which they were fetched: the names of what they lead to. */
export async function hashesOf({
  folder,
  files,
}: Snapshot): Promise<{ path: string; size: number; hash?: string }[]> {
  const all: { path: string; size: number; hash?: string }[] = [];
  for (const file of files) {
    const blob = basename(await readlink(join(folder, file.path)).catch(() => ''));
    all.push({ ...file, ...(/^[0-9a-f]{40,64}$/.test(blob) ? { hash: blob } : {}) });
  }
  return all;
}
