#!/usr/bin/env node
/**
 * Set-up without dependencies: installs exactly the lock file when it is missing or out of date, then builds
 * the WebAssembly kernels and the Studio's pages when their sources have changed. Quiet when nothing is to do.
 *
 *   node scripts/setup.mjs            install, kernels, Studio
 *   node scripts/setup.mjs --gpu      let onnxruntime download its CUDA files (needs a network)
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const gpu = process.argv.includes('--gpu');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Untangle needs Node.js 20.19 or newer; this is ${process.version}.`);
}

const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(`${process.platform} ${process.arch} node${major} ${gpu ? 'gpu' : 'cpu'}`)
  .digest('hex');
const stamp = join(root, 'node_modules', '.untangle-setup');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  say('installing the packages of package-lock.json (once)');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    // onnxruntime-node would download GPU files after its install; its CPU files are inside the package.
    ...(gpu ? {} : { ONNXRUNTIME_NODE_INSTALL: 'skip' }),
    NODE_ENV: 'development',
  });
  writeFileSync(stamp, wanted);
}
run(process.execPath, ['--import', 'tsx', join(root, 'scripts', 'build.ts')]);

/** Runs a command in the checkout; its standard output goes to standard error, so that `--json` stays pure. */
function run(command, args, env = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) fail(`set-up failed at: ${command} ${args.join(' ')}`, result.status ?? 1);
}

function say(text) {
  process.stderr.write(`untangle set-up: ${text}\n`);
}

function fail(text, status = 1) {
  say(text);
  process.exit(status);
}
