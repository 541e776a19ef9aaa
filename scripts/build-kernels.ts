/** @file Compiles kernels/*.ts (AssemblyScript) to kernels/build/*.wasm, and only what is stale. */
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'kernels');

/** Kernel → whether its memory is shared between workers. */
const kernels = { select: false, sparse: true, toy: false } as const;

/** Compiles the kernels when a source of any (or this script) is newer than a .wasm. Returns the names it compiled. */
export async function buildKernels(): Promise<string[]> {
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  const newest = [...sources.map((name) => join(folder, name)), fileURLToPath(import.meta.url)]
    .map((path) => statSync(path).mtimeMs)
    .reduce((a, b) => Math.max(a, b));
  const stale = Object.entries(kernels).filter(([name]) => {
    const built = join(folder, 'build', `${name}.wasm`);
    return !existsSync(built) || statSync(built).mtimeMs < newest;
  });
  if (stale.length === 0) return [];
  const { default: asc } = await import('assemblyscript/asc');
  mkdirSync(join(folder, 'build'), { recursive: true });
  for (const [name, shared] of stale) {
    // A build beside this one must never see half a file: compile aside, then rename.
    const aside = `build/${name}.${process.pid}.wasm`;
    const { error, stderr } = await asc.main([
      `${name}.ts`,
      ...['--baseDir', folder, '--outFile', aside, '--runtime', 'stub', '--noAssert', '-O3'],
      ...['--enable', 'simd', '--importMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
      ...(shared ? ['--enable', 'threads', '--sharedMemory'] : []),
    ]);
    if (error)
      throw new Error(`kernels/${name}.ts does not compile:\n${stderr.toString()}`, { cause: error });
    renameSync(join(folder, aside), join(folder, 'build', `${name}.wasm`));
  }
  return stale.map(([name]) => name);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const built = await buildKernels();
  if (built.length > 0) console.error(`kernels built: ${built.join(', ')}`);
}
