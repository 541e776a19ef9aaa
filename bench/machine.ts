/** @file What a benchmark ran on: printed into every result file, since a figure without its machine means nothing. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, platform, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly onnxruntime: string;
  /** Widest vector instructions, where the system tells. */
  readonly vectors?: string;
}

/** The machine this process runs on. */
export function describeMachine(): Machine {
  const version = (name: string): string =>
    (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;
  const vectors = vectorInstructions();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    onnxruntime: version('onnxruntime-node'),
    ...(vectors ? { vectors } : {}),
  };
}

function vectorInstructions(): string | undefined {
  try {
    const flags = /^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
    return ['amx_tile', 'avx512_vnni', 'avx512f', 'avx2', 'avx'].find((flag) => flags.includes(flag));
  } catch {
    return undefined;
  }
}
