/** @file Steps that do nothing but count and write, to test the scheduler alone. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../../src/core/errors.ts';
import { openCache } from '../../src/study/cache.ts';
import { executeStep } from '../../src/study/execute.ts';
import type { StudyStep } from '../../src/study/plan.ts';
import type { Engine } from '../../src/study/run.ts';

const noCost = { seconds: 1, diskBytes: 10, memoryBytes: 10 };

/** A step whose result is its config and those of its needs. */
export function fake(
  name: string,
  config: unknown = {},
  needs: readonly StudyStep[] = [],
  more: Partial<StudyStep> = {},
): StudyStep {
  return {
    name,
    version: 1,
    config,
    needs,
    stage: 'features',
    label: name,
    cost: noCost,
    run: async (inputs) => ({ name, config, needs: needs.map((need) => inputs.result(need)) }),
    ...more,
  };
}

/** A small diamond: a; b and c on a; d on both. */
export function diamond(k = 1): StudyStep[] {
  const a = fake('a');
  const b = fake('b', { k }, [a]);
  const c = fake('c', {}, [a]);
  return [a, b, c, fake('d', {}, [b, c])];
}

/** Runs in this process, and writes down what ran. */
export function hereEngine(steps: readonly StudyStep[], workspace: string, ran: string[] = []): () => Engine {
  return () => ({
    run: async (step, { progress, signal }) => {
      ran.push(step.name);
      const cache = openCache(workspace);
      await executeStep(steps, step, { cache, threads: 1, seed: 0, progress, ...(signal ? { signal } : {}) });
    },
    close: async () => {},
  });
}

/**
 * The steps of the child in engine-child.ts: `quick`, then `slow`, which counts to 30 in a file, resumes from it,
 * and dies, fails or goes on by the word in the study's name.
 */
export function childSteps(mode: string): StudyStep[] {
  const quick = fake('quick');
  const slow = fake('slow', {}, [quick], {
    resumable: true,
    async run(_inputs, { folder, progress, signal }) {
      const file = join(folder, 'counted');
      const before = existsSync(file) ? readFileSync(file, 'utf8').length : 0;
      if (before === 0) writeFileSync(file, '');
      progress({ type: 'start', task: 'slow', label: 'counting', total: 30 });
      for (let i = before; i < 30; i++) {
        throwIfAborted(signal);
        appendFileSync(file, '.');
        progress({ type: 'advance', task: 'slow', done: i + 1, total: 30 });
        if (i === 4 && mode === 'die') process.kill(process.pid, 'SIGKILL');
        if (i === 4 && mode === 'crash') {
          process.stderr.write('it all went wrong\n');
          process.exit(7);
        }
        await sleep(mode === 'long' ? 100 : 2);
      }
      return { before };
    },
  });
  return [quick, slow];
}
