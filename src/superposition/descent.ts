/** @file The learning clock of a toy model: an optimiser on its expected loss, recorded frame by frame. */
import type { Landscape } from '../mechanics/landscape.ts';
import type { Optimiser } from '../mechanics/optimisers/optimiser.ts';

/** The state after a step. */
export interface DescentFrame {
  readonly step: number;
  /** The parameters. */
  readonly x: Float64Array;
  /** V: the expected loss there. */
  readonly loss: number;
  /** What the optimiser says of itself, e.g. `kinetic` T and `energy` H. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A descent that is advanced as far as is wanted, so that it can be watched. */
export interface Descent {
  readonly frames: readonly DescentFrame[];
  /** Updates made so far. */
  readonly step: number;
  /** Goes on until `step` updates are made. */
  advance(step: number): void;
}

/** A descent from `start`, a frame every `every` steps and one at the start. */
export function openDescent(
  landscape: Landscape,
  start: ArrayLike<number>,
  { optimiser, every = 1 }: { readonly optimiser: Optimiser; readonly every?: number },
): Descent {
  const x = Float64Array.from(start);
  const gradient = new Float64Array(landscape.dimension);
  const frames: DescentFrame[] = [];
  let step = 0;
  let loss = landscape.at(x, gradient);
  const keep = () => frames.push({ step, x: x.slice(), loss, figures: optimiser.figures() });
  keep();
  return {
    frames,
    get step() {
      return step;
    },
    advance(to) {
      while (step < to) {
        optimiser.update(x, gradient, loss);
        loss = landscape.at(x, gradient);
        step++;
        if (step % every === 0) keep();
      }
    },
  };
}
