/** @file The scheduler: what runs, what does not, and what is left after kills, locks and refusing disks. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileError, UntangleError } from '../../src/core/errors.ts';
import { lockWorkspace } from '../../src/files/lock.ts';
import { openCache } from '../../src/study/cache.ts';
import { forkEngine } from '../../src/study/engine.ts';
import type { StudyMessage } from '../../src/study/messages.ts';
import { hashSteps, planSteps, type StudyStep, upTo } from '../../src/study/plan.ts';
import { type RunOptions, runSteps } from '../../src/study/run.ts';
import type { Study } from '../../src/study/schema.ts';
import { emptyState, nextState } from '../../src/study/state.ts';
import { childSteps, diamond, fake, hereEngine } from './fake-steps.ts';

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'untangle-run-'));
});
afterEach(() => {
  chmodSync(workspace, 0o755);
  rmSync(workspace, { recursive: true, force: true });
});

const options = (more: Partial<RunOptions> & Pick<RunOptions, 'engine'>): RunOptions => ({
  name: 'test',
  command: 'untangle test',
  workspace,
  watch: () => {},
  patience: 0,
  ...more,
});

async function run(steps: readonly StudyStep[], more: Partial<RunOptions> = {}): Promise<string[]> {
  const ran: string[] = [];
  await runSteps(steps, options({ engine: hereEngine(steps, workspace, ran), ...more }));
  return ran;
}

describe('the cache', () => {
  it('runs every step once, in order, and nothing the second time', async () => {
    expect(await run(diamond())).toEqual(['a', 'b', 'c', 'd']);
    const engine = () => {
      throw new Error('no engine is needed for a finished study');
    };
    const results = await runSteps(diamond(), options({ engine }));
    expect(results.get('d')).toMatchObject({ needs: [{ name: 'b' }, { name: 'c' }] });
    expect(existsSync(join(workspace, 'lock'))).toBe(false);
  });

  it('runs what depends on a changed line again, and nothing else', async () => {
    await run(diamond(1));
    expect(await run(diamond(2))).toEqual(['b', 'd']);
    expect(await run(diamond(1))).toEqual([]);
  });

  it('does not confuse steps of equal config, and ignores order and company', () => {
    const hashes = hashSteps(diamond());
    expect(new Set(hashes.values()).size).toBe(4);
    const [a, b] = diamond() as [StudyStep, StudyStep];
    expect(hashSteps([fake('first'), a, b]).get('b')).toBe(hashes.get('b'));
    expect(hashSteps([{ ...a, version: 2 }, b]).get('a')).not.toBe(hashes.get('a'));
  });

  it('leaves a manifest with inputs, versions, seed and timing', async () => {
    const steps = diamond();
    await run(steps);
    const hashes = hashSteps(steps);
    const manifest = await openCache(workspace).manifest(hashes.get('d') ?? '');
    expect(manifest).toMatchObject({
      schema: 1,
      step: 'd',
      inputs: { b: hashes.get('b'), c: hashes.get('c') },
      seed: 0,
      versions: {
        node: process.versions.node,
        untangle: expect.any(String),
        onnxruntime: expect.any(String),
      },
    });
    expect(manifest?.bytes).toBeGreaterThan(0);
  });

  it('runs a step again whose manifest is damaged', async () => {
    const steps = diamond();
    await run(steps);
    const folder = openCache(workspace).folder(hashSteps(steps).get('c') ?? '');
    writeFileSync(join(folder, 'manifest.json'), '{"schema": 1, "st');
    expect(await run(steps)).toEqual(['c']);
  });

  it('plans without running: cached ones with their measured cost', async () => {
    await run(diamond(1));
    const plan = await planSteps(diamond(2), openCache(workspace));
    expect(plan.map((p) => [p.name, p.cached])).toEqual([
      ['a', true],
      ['b', false],
      ['c', true],
      ['d', false],
    ]);
    expect(plan[1]?.cost.seconds).toBe(1);
    expect(plan[0]?.cost.seconds).toBeLessThan(1);
  });

  it('finds the steps up to a stage', () => {
    expect(upTo(diamond(), (s) => s.name === 'c').map((s) => s.name)).toEqual(['a', 'c']);
  });
});

describe('failures', () => {
  it('keep finished steps and leave nothing of the failed one', async () => {
    const a = fake('a');
    const bad = fake('bad', {}, [a], {
      async run(_inputs, { folder }) {
        writeFileSync(join(folder, 'half'), 'half a file');
        throw new FileError('disk.full', 'no space is left');
      },
    });
    await expect(run([a, bad])).rejects.toMatchObject({ code: 'disk.full' });
    expect(readdirSync(join(workspace, 'cache'))).toEqual([hashSteps([a]).get('a')]);
    expect(existsSync(join(workspace, 'lock'))).toBe(false);
  });

  it('of the disk keep the finished parts of a resumable step; a step that rejects its parts starts afresh', async () => {
    let before: string[] = [];
    const failing = (error: Error) =>
      fake('long', {}, [], {
        resumable: true,
        async run(_inputs, { folder }) {
          before = readdirSync(folder);
          writeFileSync(join(folder, 'part-1'), 'finished');
          throw error;
        },
      });
    await expect(run([failing(new FileError('disk.full', 'no space'))])).rejects.toThrow();
    await expect(run([failing(new FileError('file.schema', 'damaged'))])).rejects.toThrow();
    expect(before).toEqual(['part-1']);
    await expect(run([failing(new FileError('file.schema', 'damaged'))])).rejects.toThrow();
    expect(before).toEqual([]);
  });

  it('of no known kind name the step', async () => {
    const bad = fake('bad', {}, [], { run: () => Promise.reject(new TypeError('x is undefined')) });
    const messages: StudyMessage[] = [];
    await expect(run([bad], { watch: (m) => messages.push(m) })).rejects.toMatchObject({
      code: 'study.step-failed',
      where: 'bad',
    });
    const state = messages.reduce(nextState, emptyState);
    expect(state.steps[0]?.status).toBe('failed');
    expect(state.error?.message).toContain('x is undefined');
  });

  it('say that the disk is full when the system says so', async () => {
    const bad = fake('bad', {}, [], {
      run: () => Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })),
    });
    await expect(run([bad])).rejects.toMatchObject({ code: 'disk.full' });
  });

  it('two runs in one workspace: the second is told who works there', async () => {
    const lock = await lockWorkspace(workspace);
    await expect(run(diamond())).rejects.toMatchObject({
      code: 'workspace.locked',
      message: expect.stringContaining(String(process.pid)),
    });
    setTimeout(() => lock.release(), 100);
    expect(await run(diamond(), { patience: 2000 })).toHaveLength(4);
  });

  it('a read-only workspace is told apart', async () => {
    chmodSync(workspace, 0o555);
    const root = process.getuid?.() === 0;
    if (root) process.seteuid?.(65534);
    try {
      await expect(run(diamond())).rejects.toMatchObject({ code: 'disk.read-only' });
    } finally {
      if (root) process.seteuid?.(0);
    }
    expect(readdirSync(workspace)).toEqual([]);
  });

  it('a workspace that is a file is refused', async () => {
    const file = join(workspace, 'file');
    writeFileSync(file, '');
    const steps = diamond();
    await expect(
      runSteps(steps, { ...options({ engine: hereEngine(steps, file) }), workspace: file }),
    ).rejects.toBeInstanceOf(UntangleError);
  });
});

describe('the engine process', () => {
  const inChild = async (
    mode: string,
    more: Partial<RunOptions> = {},
    onMemory?: (bytes: number) => void,
  ) => {
    const study = { name: mode, seed: 0 } as Study;
    const engine = () =>
      forkEngine({
        study,
        workspace,
        threads: 1,
        entry: new URL('./engine-child.ts', import.meta.url),
        ...(onMemory ? { onMemory } : {}),
      });
    return runSteps(childSteps(mode), options({ engine, ...more }));
  };
  const partials = () => readdirSync(join(workspace, 'cache')).filter((name) => name.endsWith('.partial'));

  it('runs steps in a child, passes progress on, and measures memory', async () => {
    const messages: StudyMessage[] = [];
    let peak = 0;
    const results = await inChild('go', { watch: (m) => messages.push(m) }, (bytes) => {
      peak = Math.max(peak, bytes);
    });
    expect(results.get('slow')).toEqual({ before: 0 });
    const last = messages.findLast((m) => m.type === 'progress');
    expect(last?.event).toMatchObject({ task: 'slow', done: 30 });
    expect(messages.reduce(nextState, emptyState).steps.map((s) => s.status)).toEqual(['done', 'done']);
    expect(peak).toBeGreaterThan(20e6);
  });

  it('after a kill keeps what was finished and goes on where it stopped', async () => {
    await expect(inChild('die')).rejects.toMatchObject({
      code: 'study.engine-died',
      message: expect.stringContaining('SIGKILL'),
    });
    expect(partials()).toHaveLength(1);
    const messages: StudyMessage[] = [];
    const results = await inChild('go', { watch: (m) => messages.push(m) });
    expect(results.get('slow')).toEqual({ before: 5 });
    expect(messages.find((m) => m.type === 'finished' && m.step === 'quick')).toMatchObject({ cached: true });
    expect(partials()).toEqual([]);
  });

  it('says how a child ended and its last words', async () => {
    await expect(inChild('crash')).rejects.toMatchObject({
      code: 'study.engine-died',
      message: expect.stringMatching(/code 7 during slow.*it all went wrong/),
    });
  });

  it('stops cleanly when asked, and takes the step up again', async () => {
    const controller = new AbortController();
    const watch = (m: StudyMessage) => {
      if (m.type === 'progress' && m.event.type === 'advance' && m.event.done >= 3) controller.abort();
    };
    await expect(inChild('long', { signal: controller.signal, watch })).rejects.toMatchObject({
      code: 'interrupted',
    });
    const [folder] = partials();
    expect(readFileSync(join(workspace, 'cache', folder ?? '', 'counted'), 'utf8').length).toBeLessThan(30);
    const { before } = (await inChild('go')).get('slow') as { before: number };
    expect(before).toBeGreaterThanOrEqual(3);
    mkdirSync(join(workspace, 'still-writable'));
  });
});
