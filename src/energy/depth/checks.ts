/** @file Self-check of the depth clock: the costate invariant in every family, brackets, canonicity, and a flow that balances. */
import { type Network, networkOf } from '../../circuits/cuts.ts';
import type { Pairs } from '../../circuits/examples.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { type CheckRow, checkRow } from '../../core/check.ts';
import type { WorkContext } from '../../core/progress.ts';
import { type Random, random } from '../../core/random.ts';
import { f32, f64, i64, type Tensor } from '../../core/tensor.ts';
import { neurons } from '../../dictionaries/neurons.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { familyTraits } from '../../models/family-checks.ts';
import { openTokenModel } from '../../models/open.ts';
import { tinyLlama } from '../../models/tiny.ts';
import { type Family, families, type ModelShape } from '../../models/types.ts';
import { costateProducts, spread } from '../costate.ts';
import { costateInvariant } from '../energy.ts';
import { evaluate, observableLaws, type PhasePoint, poissonBracket } from './brackets.ts';
import { bracketMatrix, canonicityDefect } from './canonicity.ts';
import { energyFlow } from './flow.ts';
import { flowRate } from './flow-rate.ts';
import { along, blockHamiltonian, COSTATE, metricObservable, observableShape, STATE } from './observables.ts';

const row = (name: string, value: number, bar: number) => checkRow('energy', name, value, bar);

/** Bars of the spread, by element type, and of the plain relative spread for tangents that move the metric. */
export const SPREAD = { float32: 1e-5, float64: 1e-12 } as const;
export const RELATIVE = 1e-4;
/** Bar of the laws of a bracket on a tiny model, as a share of their terms. */
const LAWS = { float32: 1e-4, float64: 1e-10 } as const;
/** Rounding of the books of a flow in float32. */
const BOOKS = 1e-5;

type DType = keyof typeof SPREAD;
const dtypes = ['float32', 'float64'] as const;

/** Everything here runs on tiny models, in seconds. */
export async function depthRows(run: RunOptions, context: WorkContext): Promise<CheckRow[]> {
  return [
    ...(await familyRows(run)),
    ...(await shippedRows(run, context)),
    ...(await bracketRows(run)),
    canonicityRow(),
    ...(await flowRows(run)),
  ];
}

const noiseOf = (stream: Random, dtype: DType, shape: readonly number[]): Tensor => {
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => stream.normal());
  return (dtype === 'float32' ? f32 : f64)(shape, values);
};

async function familyRows(run: RunOptions): Promise<CheckRow[]> {
  const ofText = families.filter((family): family is Exclude<Family, 'vit'> => family !== 'vit');
  const rows: CheckRow[] = [];
  for (const dtype of dtypes) {
    let worst = 0;
    for (const family of ofText) {
      const network = networkOf(tinyLlama(11, { family, dtype, ...traits(family, dtype) }));
      const stream = random(11).fork(family);
      const [state, tangent] = [0, 1].map(() => noiseOf(stream, dtype, [2, 6, network.width]));
      const others = { tokens: ids([2, 6], stream), answer: ids([2], stream), wrong: ids([2], stream) };
      const start = { state: state!, tangent: tangent!, others };
      worst = Math.max(worst, spread(await costateProducts(network, start, run)));
    }
    const name = `tiny models of ${ofText.length} families, ${dtype}: spread of ⟨λ, δx⟩ over all cuts`;
    rows.push(row(name, worst, SPREAD[dtype]));
  }
  return rows;
}

/** onnxruntime has no Erf in float64: there the tanh form of GELU stands for the exact one. */
function traits(family: Exclude<Family, 'vit'>, dtype: DType): Partial<ModelShape> {
  const own = familyTraits[family];
  return dtype === 'float64' && own.activation === 'gelu' ? { ...own, activation: 'gelu_tanh' } : own;
}

const ids = (shape: readonly number[], stream: Random): Tensor =>
  i64(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 5 + stream.integer(190)),
  );

/** Random prompts of `positions` tokens, clean and patched. */
export function randomPairs(stream: Random, examples: number, positions: number): Pairs {
  const some = (count: number) => Int32Array.from({ length: count }, () => stream.integer(200));
  const answer_B = some(examples);
  return {
    ...{ examples, positions, answer_B, wrong_B: answer_B.map((id) => id + 1) },
    ...{ clean_BT: some(examples * positions), patch_BT: some(examples * positions) },
  };
}

async function shippedRows(run: RunOptions, context: WorkContext): Promise<CheckRow[]> {
  const network = networkOf(await openTokenModel('tiny', context));
  const found = await costateInvariant(network, randomPairs(random(3), 4, 8), random(4), run);
  return [
    row(
      'the shipped tiny model: spread of ⟨λ, clean − patch⟩ and of a random δx over all cuts',
      Math.max(found.spread, found.randomSpread),
      SPREAD.float32,
    ),
    row(
      'the shipped tiny model: plain relative spread of ⟨λ, clean − patch⟩',
      found.relativeSpread,
      RELATIVE,
    ),
  ];
}

async function bracketRows(run: RunOptions): Promise<CheckRow[]> {
  const rows: CheckRow[] = [];
  for (const dtype of dtypes) {
    const network = networkOf(tinyLlama(3, { layers: 3, dtype }));
    const site = network.cuts[1]!;
    const shape = observableShape(network, site);
    const stream = random(3);
    const others = { answer: i64([2], [3, 9]), wrong: i64([2], [4, 1]) };
    const noise = () => noiseOf(stream, dtype, [2, 3, network.width]);
    const point: PhasePoint = { state: noise(), costate: noise(), others };
    const direction = () => Float64Array.from({ length: network.width }, () => stream.normal());
    const x = along(shape, STATE, 1, direction());
    const p = along(shape, COSTATE, 2, direction());
    const metric = metricObservable(network, site);
    const block = blockHamiltonian(network, 1);
    const laws = await observableLaws([block, metric, p], point, run);
    const tiny = `tiny Llama, ${dtype}:`;
    rows.push(
      row(`${tiny} {x_i, λ_j} differs from δ_ij by`, await canonical(network, point, run), LAWS[dtype]),
      row(`${tiny} antisymmetry, Leibniz and Jacobi fail by`, Math.max(...Object.values(laws)), LAWS[dtype]),
    );
    let worst = 0;
    for (const a of [x, p, metric, blockHamiltonian(network, 2)]) {
      const [bracket] = await evaluate([poissonBracket(a, block)], point, run);
      const rate = await flowRate(a, network, 1, point, run);
      for (const [b, r] of rate.entries()) worst = Math.max(worst, Math.abs(bracket![b]! - r) / Math.abs(r));
    }
    rows.push(row(`${tiny} d/ds A along a block’s flow differs from {A, h} by`, worst, LAWS[dtype]));
  }
  return rows;
}

/** Largest |{x_i, λ_j} − δ_ij| over some coordinates at the same and at another position. */
async function canonical(network: Network, point: PhasePoint, run: RunOptions): Promise<number> {
  const shape = observableShape(network, network.cuts[1]!);
  const unit = (i: number) => Float64Array.from({ length: network.width }, (_, d) => Number(d === i));
  const places = [0, 1].flatMap((t) => [0, 5].map((i) => ({ t, i })));
  let worst = 0;
  for (const a of places) {
    for (const b of places) {
      const bracket = poissonBracket(
        along(shape, STATE, a.t, unit(a.i)),
        along(shape, COSTATE, b.t, unit(b.i)),
      );
      const [values] = await evaluate([bracket], point, run);
      const delta = Number(a.t === b.t && a.i === b.i);
      for (const value of values!) worst = Math.max(worst, Math.abs(value - delta));
    }
  }
  return worst;
}

/** Five unit directions that are a tight frame of the plane: ‖M − I‖² = 2 (5/2 − 1)² + 3. */
function canonicityRow(): CheckRow {
  const angles = [0, 1, 2, 3, 4].map((i) => (2 * Math.PI * i) / 5);
  const W = Float32Array.from(angles.flatMap((a) => [Math.cos(a), Math.sin(a)]));
  const frame: Dictionary = {
    ...{ architecture: 'relu', activation: { kind: 'relu' }, site: 'plane', modelHash: '' },
    ...{ width: 2, features: 5, W_enc_FD: W, W_dec_FD: W, sinkNorm: Number.POSITIVE_INFINITY },
    ...{ b_enc_F: new Float32Array(5), b_dec_D: new Float32Array(2) },
  };
  const all = [0, 1, 2, 3, 4];
  const { defect } = canonicityDefect(bracketMatrix(frame, all), all, 2);
  const closed = Math.sqrt((2 * 1.5 ** 2 + 3) / 5);
  return row(
    'canonicity defect of a tight frame differs from its closed form by',
    Math.abs(defect - closed),
    1e-6,
  );
}

async function flowRows(run: RunOptions): Promise<CheckRow[]> {
  const model = tinyLlama(12, { layers: 3 });
  const network = networkOf(model);
  const dictionaries = network.cuts.slice(1, 3).map((site) => neurons(network.width, site, model.hash));
  const pairs = randomPairs(random(12), 2, 4);
  const { imbalance, leakSpread } = await energyFlow(
    network,
    dictionaries,
    pairs,
    { rule: 'midpoint-4' },
    run,
  );
  return [
    row(
      'energy flow through a tiny Llama: inflow or outflow of a node differs from its energy by',
      imbalance,
      BOOKS,
    ),
    row('energy flow through a tiny Llama: leaks of its cuts differ by', leakSpread, BOOKS),
  ];
}
