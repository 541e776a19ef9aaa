#!/usr/bin/env node
/**
 * Completes package-lock.json after `npm install`: a registry mirror that lacks the packages of other platforms makes npm
 * leave them out, and `npm ci` then refuses the file everywhere. Each missing optional dependency gets its entry with
 * version, system and processor, which are in its name; npm fetches it by name where it is needed.
 *
 *   node scripts/complete-lock.mjs           writes the file
 *   node scripts/complete-lock.mjs --check   prints what is missing and fails if anything is
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = join(dirname(fileURLToPath(import.meta.url)), '..', 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const processors = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

const missing = {};
for (const [place, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (
      place === '' ||
      lock.packages[`node_modules/${name}`] ||
      lock.packages[`${place}/node_modules/${name}`]
    )
      continue;
    const words = name.split(/[/-]/);
    const os = systems.filter((word) => words.includes(word));
    const cpu = processors.filter(
      (word) => words.includes(word) || (word === 'arm' && words.includes('armv7')),
    );
    if (os.length === 0 && cpu.length === 0) continue;
    const libc = words.some((word) => word.startsWith('musl'))
      ? ['musl']
      : words.some((word) => word.startsWith('gnu'))
        ? ['glibc']
        : [];
    missing[`node_modules/${name}`] = {
      version: version.replace(/^[~^]/, ''),
      ...(cpu.length ? { cpu } : {}),
      ...(entry.dev ? { dev: true } : {}),
      ...(libc.length ? { libc } : {}),
      optional: true,
      ...(os.length ? { os } : {}),
    };
  }
}

const names = Object.keys(missing);
if (process.argv.includes('--check')) {
  if (names.length > 0) {
    process.stderr.write(`package-lock.json lacks ${names.join(', ')}: run node scripts/complete-lock.mjs\n`);
    process.exit(1);
  }
} else if (names.length > 0) {
  const entries = Object.entries({ ...lock.packages, ...missing });
  lock.packages = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  process.stderr.write(`package-lock.json: ${names.length} platform packages added\n`);
}
