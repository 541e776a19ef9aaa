/**
 * @file The demo as a user meets it: cold (nothing trained, nothing converted; downloads beforehand), then again.
 * `npm run bench:demo` prints the figures and writes bench/results/demo.json.
 * Memory is the sum over all processes of the run: resident (RSS) and proportional (PSS, shared pages split).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine } from './machine.ts';
import { resultText, saveResult } from './results.ts';

interface Run {
  seconds: number;
  firstPictureSeconds: number | null;
  peakRssMiB: number;
  peakPssMiB: number;
  exitCode: number;
  document: unknown;
}

const args = ['--import', 'tsx', 'src/cli/main.ts', 'demo', '--no-open', '--json'];

const scratch = mkdtempSync(join(tmpdir(), 'untangle-bench-'));
try {
  // Its own home, so that converting the model is counted; the download is made before the clock starts.
  const home = join(scratch, 'home');
  const env = { ...process.env, UNTANGLE_HOME: home };
  await finished(
    spawn('node', ['--import', 'tsx', 'bench/demo-download.ts'], { env, stdio: ['ignore', 2, 2] }),
  );
  const workspace = join(scratch, 'workspace');
  const cold = await timed(workspace, env);
  const warm = await timed(workspace, env);
  const result = {
    what: 'untangle demo, cold and again',
    command: 'npm run bench:demo',
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    cold,
    warm: { ...warm, document: undefined },
  };
  saveResult('demo', result);
  process.stdout.write(resultText(result));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** One run of the demo with clock and memory beside it. */
async function timed(workspace: string, env: NodeJS.ProcessEnv): Promise<Run> {
  const begun = performance.now();
  const seconds = () => Math.round((performance.now() - begun) / 100) / 10;
  const child = spawn('node', [...args, '--workspace', workspace], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let studio: string | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    studio ??= /http:\/\/[\w.:]+/.exec(chunk.toString())?.[0];
  });
  const run: Run = {
    seconds: 0,
    firstPictureSeconds: null,
    peakRssMiB: 0,
    peakPssMiB: 0,
    exitCode: -1,
    document: null,
  };
  const sampler = setInterval(async () => {
    const memory = memoryOfTree(child.pid!);
    run.peakRssMiB = Math.max(run.peakRssMiB, memory.rss);
    run.peakPssMiB = Math.max(run.peakPssMiB, memory.pss);
    if (studio && run.firstPictureSeconds === null && (await hasPicture(studio)))
      run.firstPictureSeconds = seconds();
  }, 250);
  run.exitCode = await finished(child);
  clearInterval(sampler);
  run.seconds = seconds();
  run.document = output.trim() === '' ? null : JSON.parse(output);
  return run;
}

/** True once the Studio has something to draw: the model's next-token probabilities. */
async function hasPicture(url: string): Promise<boolean> {
  try {
    const state = (await (await fetch(`${url}/api/study`)).json()) as { results?: { model?: unknown } };
    return state.results?.model !== undefined;
  } catch {
    return false;
  }
}

/** Summed memory in MiB of a process and all below it (Linux; zeros elsewhere). */
function memoryOfTree(root: number): { rss: number; pss: number } {
  const total = { rss: 0, pss: 0 };
  try {
    const parents = new Map<number, number>();
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
        parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
      } catch {
        // The process ended between listing and reading.
      }
    }
    const below = (pid: number): boolean => pid === root || (parents.has(pid) && below(parents.get(pid)!));
    for (const pid of parents.keys()) {
      if (!below(pid)) continue;
      try {
        const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
        total.rss += Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
        total.pss += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
      } catch {
        // The process ended between listing and reading.
      }
    }
  } catch {
    // No /proc on this system.
  }
  return { rss: Math.round(total.rss), pss: Math.round(total.pss) };
}

/** Waits for a child's end and returns its exit code. */
function finished(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
}
