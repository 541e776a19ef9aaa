/** @file What the benchmark of integrators compares, and the messages that its processes speak. */

/** An initial state in canonical coordinates, and the time to reach. */
export interface Problem {
  readonly name: 'pendulum' | 'bodies';
  readonly q: readonly number[];
  readonly p: readonly number[];
  /** Bodies only: masses (G = 1) and Plummer softening of the distance. */
  readonly mass?: readonly number[];
  readonly softening?: number;
  readonly end: number;
}

export interface Solve {
  readonly method: string;
  /** rtol = atol of a peer's adaptive method; the number of our equal steps. */
  readonly setting: number;
  /** Repeat the solution for so many seconds. */
  readonly seconds: number;
}

export type Command = { readonly problem: Problem } | { readonly solve: Solve };

/** Mean seconds of one solution, its steps, and its last state. */
export interface Answer {
  readonly seconds: number;
  readonly steps: number;
  readonly q: readonly number[];
  readonly p: readonly number[];
}

/** A side and the methods it may choose from, each with settings from loose to tight. */
export interface Side {
  readonly name: string;
  readonly methods: Readonly<Record<string, readonly number[]>>;
}

const tolerances = Array.from({ length: 23 }, (_, i) => 10 ** (-2 - i / 2));
/** Counts of steps a factor of 2^(1/3) apart, from `first` on. */
const counts = (first: number, many = 24): number[] =>
  Array.from({ length: many }, (_, i) => Math.round(first * 2 ** (i / 3)));

export const sides: Readonly<Record<Problem['name'], readonly Side[]>> = {
  pendulum: [
    {
      name: 'untangle',
      methods: {
        'leapfrog-dkd': counts(6_000, 40),
        pefrl: counts(400, 30),
        'blanes-moan-6': counts(120, 24),
        'kahan-li-6': counts(150, 24),
        'yoshida-8': counts(100, 24),
        'kahan-li-8': counts(80, 24),
        'extrapolation-12': counts(50, 24),
        'dormand-prince-5': counts(600, 30),
      },
    },
    { name: 'scipy', methods: { DOP853: tolerances, RK45: tolerances, odeint: tolerances } },
    { name: 'diffrax', methods: { Dopri8: tolerances, Tsit5: tolerances, Dopri5: tolerances } },
  ],
  bodies: [
    {
      name: 'untangle',
      methods: {
        'leapfrog-dkd': counts(40, 30),
        pefrl: counts(10),
        'blanes-moan-6': counts(4),
        'kahan-li-6': counts(5),
        'yoshida-8': counts(4),
        'extrapolation-12': counts(2),
        'dormand-prince-5': counts(8),
      },
    },
    { name: 'scipy', methods: { DOP853: tolerances, RK45: tolerances, odeint: tolerances } },
    { name: 'diffrax', methods: { Dopri8: tolerances, Tsit5: tolerances, Dopri5: tolerances } },
  ],
};
