/** @file How the energy commands and steps run a network: options of runs, and runs counted under a progress line. */
import { type RunOptions, TOKENS_PER_RUN } from '../../circuits/run-options.ts';
import { track, type WorkContext } from '../../core/progress.ts';
import { openSession } from '../../runtime/session.ts';

/** How runs are opened, sized and stopped. */
export const runOptions = ({
  threads,
  signal,
}: {
  readonly threads: number;
  readonly signal?: AbortSignal;
}): RunOptions => ({
  open: (graph) => openSession(graph, { threads }),
  tokensPerRun: TOKENS_PER_RUN,
  threads,
  ...(signal ? { signal } : {}),
});

/** Runs `work` under a progress line, with run options that count its runs. */
export function counted<T>(
  { progress }: WorkContext,
  about: { readonly task: string; readonly label: string; readonly total?: number },
  run: RunOptions,
  work: (run: RunOptions) => Promise<T>,
): Promise<T> {
  return track(progress, { ...about, unit: 'runs' }, (advance) => {
    let done = 0;
    return work({
      ...run,
      advance: (rows) => {
        done += rows;
        advance(done);
      },
    });
  });
}
