/** @file One interface for every optimiser: parameters change in place from a gradient, and the state can be kept and taken up again to the bit. */
import { MechanicsError } from '../../core/errors.ts';

/** A flat vector of parameters: all tensors of a model as views of one array. */
export type Floats = Float32Array | Float64Array;

/**
 * What the update preserves as a map of phase space (parameters, momentum):
 * `conformal`: DΦᵀΩDΦ = e^(−γh) Ω; `none`: nothing; `imposed-energy`: the energy, because each step rescales the momentum to it.
 */
export type Structure = 'conformal' | 'none' | 'imposed-energy';

/** Everything an optimiser remembers. Restoring it continues the run to the bit. */
export interface OptimiserState {
  readonly name: string;
  /** Updates made so far. */
  readonly step: number;
  readonly numbers: Readonly<Record<string, number>>;
  /** Each as long as the parameters; empty before the first update. */
  readonly vectors: Readonly<Record<string, Floats>>;
}

/** A method that lowers a loss in place: the one interface of all optimisers, for dictionaries and for user functions. */
export interface Optimiser {
  readonly name: string;
  readonly structure: Structure;
  /**
   * One step, in place. `gradient` and `loss` belong to `parameters` as they stand; afterwards `parameters` is where the
   * next gradient is wanted (for Nesterov and relativistic gradient descent that is the point ahead, not the iterate).
   * @throws MechanicsError `mechanics.length` (not the parameters' length), `mechanics.not-finite` (NaN or infinite).
   */
  update(parameters: Floats, gradient: Floats, loss: number): void;
  /** Named numbers worth showing after an update, e.g. kinetic energy T = |p|²/2m, or the energy H. */
  figures(): Readonly<Record<string, number>>;
  /** A copy of the state. */
  save(): OptimiserState;
  /** Takes a saved state up. @throws MechanicsError `mechanics.other-state` when another optimiser saved it. */
  restore(state: OptimiserState): void;
}

/** A number, or a function of the step (0, 1, 2 …): warm-up, decay. */
export type Schedule = number | ((step: number) => number);

/** What a rule sees in one update. */
export interface Moment<V extends string, N extends string> {
  /** 0 at the first update. */
  readonly step: number;
  readonly parameters: Floats;
  readonly gradient: Floats;
  readonly loss: number;
  readonly vectors: Record<V, Floats>;
  readonly numbers: Record<N, number>;
}

/** An update rule: names of what it remembers, and the formula. */
export interface Rule<V extends string, N extends string> {
  readonly name: string;
  readonly structure: Structure;
  readonly vectors: readonly V[];
  /** Start values. */
  readonly numbers: Record<N, number>;
  readonly needsLoss?: boolean;
  apply(moment: Moment<V, N>): void;
  figures?(numbers: Record<N, number>): Record<string, number>;
}

/** An optimiser from its rule; vectors are made at the first update, in the parameters' own precision, and start at 0. */
export function optimiser<V extends string, N extends string>(rule: Rule<V, N>): Optimiser {
  const { name } = rule;
  let step = 0;
  const numbers = { ...rule.numbers };
  let vectors = {} as Record<V, Floats>;
  let length: number | undefined = rule.vectors.length === 0 ? 0 : undefined;
  return {
    name,
    structure: rule.structure,
    update(parameters, gradient, loss) {
      if (length === undefined) {
        vectors = Object.fromEntries(
          rule.vectors.map((key) => [key, zerosLike(parameters)]),
        ) as typeof vectors;
        length = parameters.length;
      }
      requireLength(name, parameters, gradient, rule.vectors.length === 0 ? parameters.length : length);
      requireFinite(name, step, gradient);
      if (rule.needsLoss && !Number.isFinite(loss)) throw notFinite(name, step, 'loss');
      rule.apply({ step, parameters, gradient, loss, vectors, numbers });
      step++;
    },
    figures: () => rule.figures?.(numbers) ?? {},
    save: () => ({ name, step, numbers: { ...numbers }, vectors: copies(vectors) }),
    restore(state) {
      const missing = state.step > 0 && rule.vectors.some((key) => !state.vectors[key]);
      if (state.name !== name || missing)
        throw new MechanicsError(
          'mechanics.other-state',
          `${name} cannot go on from a state of ${state.name}`,
          {
            where: name,
            hint: 'restore a state into the optimiser that saved it',
          },
        );
      step = state.step;
      Object.assign(numbers, state.numbers);
      vectors = copies(state.vectors) as typeof vectors;
      const first = Object.values<Floats>(vectors)[0];
      length = rule.vectors.length === 0 ? 0 : first?.length;
    },
  };
}

/** A schedule's value at a step. @throws MechanicsError `mechanics.option` unless it is a positive number. */
export function at(schedule: Schedule, step: number, where: string): number {
  const value = typeof schedule === 'number' ? schedule : schedule(step);
  return requireAbove(value, 0, where);
}

/** Returns `value`. @throws MechanicsError `mechanics.option` unless it is a finite number above `least`. */
export function requireAbove(value: number, least: number, where: string): number {
  if (Number.isFinite(value) && value > least) return value;
  throw new MechanicsError('mechanics.option', `${where} is ${value}`, {
    where,
    hint: `give a finite number above ${least}`,
  });
}

/** |v|². */
export function squaredNorm(v: Floats): number {
  let sum = 0;
  for (let i = 0; i < v.length; i++) sum += v[i]! * v[i]!;
  return sum;
}

const zerosLike = (v: Floats): Floats =>
  v instanceof Float32Array ? new Float32Array(v.length) : new Float64Array(v.length);

const copies = (vectors: Readonly<Record<string, Floats>>): Record<string, Floats> =>
  Object.fromEntries(Object.entries(vectors).map(([key, vector]) => [key, vector.slice()]));

function requireLength(name: string, parameters: Floats, gradient: Floats, length: number): void {
  if (parameters.length === length && gradient.length === length) return;
  throw new MechanicsError(
    'mechanics.length',
    `${parameters.length} parameters and ${gradient.length} derivatives, where ${length} are expected`,
    { where: name, hint: 'use one optimiser for one vector, and a gradient as long as it' },
  );
}

function requireFinite(name: string, step: number, gradient: Floats): void {
  let zero = 0;
  for (let i = 0; i < gradient.length; i++) zero += gradient[i]! - gradient[i]!;
  if (zero !== 0) throw notFinite(name, step, 'gradient');
}

const notFinite = (name: string, step: number, what: string) =>
  new MechanicsError('mechanics.not-finite', `the ${what} of step ${step} is not a finite number`, {
    where: name,
    hint: 'lower the step, or look for a division by zero or an overflow in the function',
  });
