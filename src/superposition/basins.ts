/**
 * @file Five features in two neurons: the pentagon, two digons that drop a feature, and the barrier between them.
 *
 * At importance 0.9ⁱ and sparsity 0.9 gradient descent ends in one of the two, depending on the start.
 */
import { SuperpositionError } from '../core/errors.ts';
import {
  type ElasticBand,
  type ElasticBandOptions,
  nudgedElasticBand,
} from '../mechanics/diagnostics/elastic-band.ts';
import { type Minimum, relaxed } from '../mechanics/diagnostics/relax.ts';
import type { Landscape } from '../mechanics/landscape.ts';
import { flattened, toyLandscape, weightsAt } from './landscape.ts';
import { toyTask } from './task.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** The five-in-two model of the base rates: importance 0.9ⁱ, sparsity 0.9, biases learned. */
export const fiveInTwo: ToyTask = toyTask({ features: 5, neurons: 2, sparsity: 0.9, importance: 0.9 });

/** A minimum of the five-in-two model. */
export interface Basin extends Minimum {
  readonly name: 'pentagon' | 'two digons';
  readonly weights: ToyWeights;
}

/** Feature → angle (in turns) and length of its direction at the start of a descent. */
type Directions = readonly (readonly [turn: number, length: number])[];

/** Four features on the axes, the last one dropped. */
const DIGONS: Directions = [
  [0, 1],
  [0.5, 1],
  [0.25, 1],
  [0.75, 1],
  [0, 0],
];
/** The pentagon that the dropped feature makes by stepping between features 1 and 3. */
const PENTAGON: Directions = [
  [0, 1.1],
  [0.4, 1.1],
  [0.2, 1.1],
  [0.8, 1.1],
  [0.6, 1.1],
];

function basin(task: ToyTask, V: Landscape, name: Basin['name'], directions: Directions): Basin {
  const W_NM = Float64Array.from(
    directions.flatMap(([turn, length]) => [
      length * Math.cos(2 * Math.PI * turn),
      length * Math.sin(2 * Math.PI * turn),
    ]),
  );
  const start: ToyWeights = { features: 5, neurons: 2, W_NM, b_N: new Float64Array(5) };
  const minimum = relaxed(V, flattened(start), { tolerance: 1e-10 });
  return { ...minimum, name, weights: weightsAt(task, minimum.x) };
}

/** Both basins, the pentagon turned as near to the digons as it goes, and the path of least height between them. */
export interface BasinPath {
  readonly pentagon: Basin;
  readonly digons: Basin;
  /** From the digons to the pentagon. */
  readonly band: ElasticBand;
}

/** A band, and how many terms of the expected loss. */
export type BasinOptions = ElasticBandOptions & { readonly frequencies?: number };

/**
 * The path from two digons to the pentagon: nudged elastic band on the expected loss, 15 images unless told. Weights may be
 * turned as a whole at no cost, so the pentagon is first turned to lie as near as possible.
 * @throws SuperpositionError `superposition.no-path` when the band did not come to rest; MechanicsError what it throws.
 */
export function basinPath({ frequencies, ...options }: BasinOptions = {}): BasinPath {
  const V = toyLandscape(fiveInTwo, frequencies);
  const digons = basin(fiveInTwo, V, 'two digons', DIGONS);
  const found = basin(fiveInTwo, V, 'pentagon', PENTAGON);
  const weights = turnedTo(found.weights, digons.weights);
  const pentagon = { ...found, weights, x: flattened(weights) };
  const band = nudgedElasticBand(V, digons.x, pentagon.x, { images: 15, tolerance: 1e-7, ...options });
  if (!band.converged)
    throw new SuperpositionError(
      'superposition.no-path',
      `the band of ${band.path.length - 2} images did not come to rest: a force of ${band.residual.toExponential(1)} is left`,
      {
        where: 'basinPath',
        hint: 'give it more images (15 and 31 do), a larger tolerance or more iterations',
      },
    );
  return { pentagon, digons, band };
}

/** Weights of two neurons turned in their plane to lie nearest to others (Procrustes, rotations only). */
function turnedTo(weights: ToyWeights, to: ToyWeights): ToyWeights {
  let [along, across] = [0, 0];
  for (let i = 0; i < weights.features; i++) {
    const [x, y, u, v] = [
      weights.W_NM[2 * i]!,
      weights.W_NM[2 * i + 1]!,
      to.W_NM[2 * i]!,
      to.W_NM[2 * i + 1]!,
    ];
    along += x * u + y * v;
    across += x * v - y * u;
  }
  const [cos, sin] = [along / Math.hypot(along, across), across / Math.hypot(along, across)];
  const W_NM = Float64Array.from(weights.W_NM, (_w, at) => {
    const i = at - (at % 2);
    const [x, y] = [weights.W_NM[i]!, weights.W_NM[i + 1]!];
    return at % 2 === 0 ? cos * x - sin * y : sin * x + cos * y;
  });
  return { ...weights, W_NM };
}
