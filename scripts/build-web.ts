/** @file Bundles the Studio's pages into web/dist, and only when a source is newer than the bundle. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Newest modification time (ms) of any file below `path`, which may be a file itself. */
function newest(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** True when web/dist is there and no source it is made of is newer. */
export function webIsFresh(): boolean {
  const built = join(root, 'web/dist/index.html');
  if (!existsSync(built)) return false;
  const sources = [
    'web/src',
    'web/public',
    'web/index.html',
    'web/vite.config.ts',
    'src/pictures',
    'package-lock.json',
  ];
  return sources.every((path) => newest(join(root, path)) <= statSync(built).mtimeMs);
}

/** Builds web/dist when it is missing or stale; says so in one line. Returns whether it built. */
export async function buildWeb(): Promise<boolean> {
  if (webIsFresh()) return false;
  console.error('building the Studio’s pages (web/dist)');
  await build({ configFile: join(root, 'web/vite.config.ts'), logLevel: 'warn' });
  return true;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildWeb();
