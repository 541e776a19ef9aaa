/** @file The parent's side of the engine process: heavy work runs in a child, so that server and terminal stay alive. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ErrorReport, InterruptedError, StudyError, UntangleError } from '../core/errors.ts';
import type { Progress, ProgressEvent } from '../core/progress.ts';
import { watchMemory } from './memory.ts';
import type { Engine } from './run.ts';
import type { Study } from './schema.ts';

/** Parent to child. */
export type EngineOrder =
  | { type: 'open'; study: Study; workspace: string; threads: number }
  | { type: 'run'; step: string }
  | { type: 'stop' };

/** Child to parent. */
export type EngineReply =
  | { type: 'progress'; event: ProgressEvent }
  | { type: 'done' }
  | { type: 'failed'; error: ErrorReport; interrupted: boolean; stack?: string };

export interface EngineOptions {
  readonly study: Study;
  readonly workspace: string;
  readonly threads: number;
  /** A fresh child takes over after a step that left the old one larger than this (sessions leak memory). */
  readonly recycleBytes?: number;
  /** Entry of the child; tests give their own. */
  readonly entry?: URL;
  /** Told the sum of the peak sizes of parent and child, in bytes. */
  readonly onMemory?: (bytes: number) => void;
}

const entryUrl = new URL(
  `./engine-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

/** Resident size above which a child is replaced between two steps. */
const defaultRecycleBytes = 1.2e9;

/**
 * An engine whose steps run in a child process.
 * @returns `run` throws the step's own error; StudyError `study.engine-died` when the child ended unexpectedly
 */
export function forkEngine(options: EngineOptions): Engine {
  let child: ChildProcess | undefined;
  let memory: ReturnType<typeof watchMemory> | undefined;

  // However this process ends, the child does not outlive it (a long native run would not notice in time).
  const killNow = () => child?.kill('SIGKILL');

  const start = (): ChildProcess => {
    const entry = fileURLToPath(options.entry ?? entryUrl);
    const fresh = fork(entry, [], {
      execArgv: entry.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
      // The child's prints must not mix with a JSON document on standard output.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    fresh.stdout?.resume();
    process.once('exit', killNow);
    memory = watchMemory(fresh.pid ?? 0, options.onMemory);
    const { study, workspace, threads } = options;
    fresh.send({ type: 'open', study, workspace, threads } satisfies EngineOrder);
    return fresh;
  };

  const close = async (): Promise<void> => {
    memory?.stop();
    const old = child;
    if (old) await end(old);
    child = undefined;
    process.off('exit', killNow);
  };

  const end = async (old: ChildProcess): Promise<void> => {
    if (old.exitCode !== null || old.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => old.kill('SIGKILL'), 3000);
      old.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      if (old.connected) old.disconnect();
    });
  };

  return {
    close,
    async run(step, { progress, signal }) {
      child ??= start();
      try {
        await runIn(child, step.name, progress, signal);
      } catch (error) {
        if (error instanceof StudyError && error.code === 'study.engine-died') child = undefined;
        throw error;
      }
      if ((memory?.resident() ?? 0) > (options.recycleBytes ?? defaultRecycleBytes)) await close();
    },
  };
}

/** One step in a running child. */
function runIn(child: ChildProcess, step: string, progress: Progress, signal: AbortSignal | undefined) {
  return new Promise<void>((resolve, reject) => {
    let said = '';
    const listen = (data: Buffer) => {
      said = (said + data.toString()).slice(-4000);
    };
    const onMessage = (message: unknown) => {
      const reply = message as EngineReply;
      if (reply.type === 'progress') progress(reply.event);
      else finish(reply.type === 'done' ? undefined : revive(reply));
    };
    // A moment later, so that its last words have arrived.
    const onExit = (code: number | null, by: NodeJS.Signals | null) =>
      setTimeout(() => finish(signal?.aborted ? new InterruptedError() : died(step, code, by, said)), 50);
    const stop = () => {
      if (child.connected) child.send({ type: 'stop' } satisfies EngineOrder);
    };
    const finish = (error?: Error) => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      child.stderr?.off('data', listen);
      signal?.removeEventListener('abort', stop);
      if (error) reject(error);
      else resolve();
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.stderr?.on('data', listen);
    signal?.addEventListener('abort', stop);
    child.send({ type: 'run', step } satisfies EngineOrder);
  });
}

/** An error of the child, in this process. */
function revive(reply: Extract<EngineReply, { type: 'failed' }>): Error {
  if (reply.interrupted) return new InterruptedError();
  const { code, message, where, hint } = reply.error;
  const error = new UntangleError(code, message, { where, hint });
  if (reply.stack) error.stack = reply.stack;
  return error;
}

/** The child ended without a word: out of memory, a crash in native code, or somebody's kill. */
function died(step: string, code: number | null, by: NodeJS.Signals | null, said: string): StudyError {
  const how = by ? `was ended by ${by}` : `ended with code ${code}`;
  const last = said.trim().split('\n').slice(-3).join(' | ');
  return new StudyError(
    'study.engine-died',
    `the engine process ${how} during ${step}${last ? `; its last words: ${last}` : ''}`,
    {
      where: step,
      hint:
        by === 'SIGKILL'
          ? 'often the system was out of memory: close other programs or lower --threads; the same command goes on from the last finished step'
          : 'the same command goes on from the last finished step; if it fails there again, please report it',
    },
  );
}
