/** @file Trains a toy model while the page is watched: a slice of steps in every animation frame. */
import { useEffect, useState } from 'react';
import { makeOptimiser, type OptimiserName } from '../../../../src/mechanics/optimisers/table.ts';
import { type Descent, type DescentFrame, openDescent } from '../../../../src/superposition/descent.ts';
import { flattened, toyLandscape } from '../../../../src/superposition/landscape.ts';
import { startWeights } from '../../../../src/superposition/start.ts';
import type { ToyTask } from '../../../../src/superposition/types.ts';

/** The methods of the page, with settings that reach the basins in about as many steps. */
export const methods = {
  adam: { learningRate: 0.01 },
  'heavy-ball': { step: 1, friction: 0.1 },
  'conformal-leapfrog': { step: 1, friction: 0.1 },
  ecd: { step: 1, eta: 100 },
} as const satisfies Partial<Record<OptimiserName, object>>;
export type Method = keyof typeof methods;

export interface Watched {
  readonly frames: readonly DescentFrame[];
  readonly done: boolean;
}

/** Milliseconds of every animation frame that training may take. */
const SLICE = 10;
/** Terms of the expected loss: as many as the eye can tell apart. */
const FREQUENCIES = 24;

/** The descent of `task` from a seed; begins anew when anything changes. Keep `task` stable (useMemo). */
export function useDescent(
  task: ToyTask,
  seed: number,
  method: Method,
  steps: number,
  every: number,
): Watched {
  const [watched, setWatched] = useState<Watched>({ frames: [], done: false });
  useEffect(() => {
    const landscape = toyLandscape(task, FREQUENCIES);
    const start = flattened(startWeights(task, seed), task.bias);
    const optimiser = makeOptimiser(method, methods[method] as never);
    const descent: Descent = openDescent(landscape, start, { optimiser, every });
    let frame = requestAnimationFrame(function go() {
      const until = performance.now() + SLICE;
      while (descent.step < steps && performance.now() < until) {
        descent.advance(Math.min(steps, descent.step + every));
      }
      const done = descent.step >= steps;
      setWatched({ frames: [...descent.frames], done });
      if (!done) frame = requestAnimationFrame(go);
    });
    return () => cancelAnimationFrame(frame);
  }, [task, seed, method, steps, every]);
  return watched;
}
