/**
 * @file A network larger than memory may be: a random Llama of 1.5 billion parameters (the sizes of Qwen2-1.5B), its
 * weights in a file of 6.2 GB, gradients at every cut in the memory of a few blocks.
 * `npm run bench:large -- [--json] [--save] [--layers N] [--tokens N] [--threads N]`: prints peak memory and time;
 * `--save` writes bench/results/large.json. The file is made in the system's temporary folder and removed.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { random } from '../src/core/random.ts';
import { sizeOf } from '../src/core/tensor.ts';
import type { ExternalWeight } from '../src/graph/types.ts';
import type { ModelShape } from '../src/models/types.ts';
import { modelWeights, type WeightSpec } from '../src/models/weights.ts';
import type { LargeJob, LargeResult } from './large-run.ts';
import { describeMachine } from './machine.ts';
import { resultText, saveResult } from './results.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    layers: { type: 'string', default: '28' },
    tokens: { type: 'string', default: '128' },
    threads: { type: 'string', default: '2' },
  },
});

const shape: ModelShape = {
  family: 'llama',
  layers: Number(values.layers),
  width: 1536,
  heads: 12,
  kvHeads: 2,
  headWidth: 128,
  mlpWidth: 8960,
  vocabulary: 151_936,
  context: 2048,
  ropeBase: 1_000_000,
  normEpsilon: 1e-6,
  tied: true,
};

/** Numbers written at a time. */
const CHUNK = 2 ** 22;

/** Random weights, streamed into one file: maps with deviation 1/√in, gains 1, embeddings with deviation 1. */
function writeWeights(file: string): Record<string, ExternalWeight> {
  const stream = random(1);
  // One block of normal numbers, begun elsewhere for each tensor: random enough, and as fast as the disk.
  const normal = Float32Array.from({ length: CHUNK }, () => stream.normal());
  const buffer = new Float32Array(CHUNK);
  const handle = openSync(file, 'w');
  const weights: Record<string, ExternalWeight> = {};
  let offset = 0;
  for (const spec of modelWeights(shape)) {
    const size = sizeOf(spec.shape);
    const scale = deviation(spec);
    const shift = stream.integer(CHUNK);
    for (let done = 0; done < size; done += CHUNK) {
      const count = Math.min(CHUNK, size - done);
      const from = (shift + 12_345 * (done / CHUNK)) % CHUNK;
      if (spec.role === 'gain') buffer.fill(1);
      else for (let i = 0; i < count; i++) buffer[i] = scale * normal[(i + from) & (CHUNK - 1)]!;
      writeSync(handle, buffer, 0, count * 4, offset + done * 4);
    }
    weights[spec.name] = { dtype: 'float32', shape: spec.shape, file, offset, length: size * 4 };
    offset += size * 4;
  }
  closeSync(handle);
  return weights;
}

const deviation = ({ role, shape: [rows] }: WeightSpec): number =>
  role === 'map' ? 1 / Math.sqrt(rows!) : 1;

/** Runs the measured part in a process of its own, whose peak is its own. */
function measured(job: LargeJob): Promise<LargeResult> {
  return new Promise((resolve, reject) => {
    const child = spawn('node', ['--import', 'tsx', 'bench/large-run.ts'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as LargeResult);
      else reject(new Error(`the run ended with code ${code}`));
    });
    child.stdin.end(JSON.stringify(job));
  });
}

const folder = mkdtempSync(join(tmpdir(), 'untangle-large-'));
try {
  const begun = performance.now();
  const weights = writeWeights(join(folder, 'weights.bin'));
  const bytes = Object.values(weights).reduce((sum, w) => sum + w.length, 0);
  const writing = (performance.now() - begun) / 1000;
  process.stderr.write(`wrote ${(bytes / 1e9).toFixed(2)} GB of weights in ${writing.toFixed(0)} s\n`);
  const job = { shape, weights, tokens: Number(values.tokens), threads: Number(values.threads) };
  const run = await measured(job);
  const result = {
    what: 'forward and backward by cuts of a random Llama with the sizes of Qwen2-1.5B',
    command: 'npm run bench:large -- --json --save',
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    parameters: bytes / 4,
    weightsBytes: bytes,
    tokens: job.tokens,
    threads: job.threads,
    ...run,
    /** The measured process and this one, which waits, together. */
    peakBytesOfAllProcesses: run.peakBytes + process.resourceUsage().maxRSS * 1024,
  };
  const text = resultText(result);
  if (values.save) saveResult('large', result);
  if (values.json) process.stdout.write(text);
  else {
    const gb = (n: number) => `${(n / 2 ** 30).toFixed(2)} GiB`;
    process.stdout.write(
      `${(result.parameters / 1e9).toFixed(2)} billion parameters, ${gb(bytes)} of weights; gradients at ${run.cuts} cuts ` +
        `in ${run.seconds.toFixed(0)} s; peak of all processes ${gb(result.peakBytesOfAllProcesses)}; ` +
        `directional derivative against central difference: ${run.relativeDifference.toExponential(1)}\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
