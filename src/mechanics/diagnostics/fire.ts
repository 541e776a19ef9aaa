/** @file FIRE, a damped motion that speeds up downhill and stops when it would go uphill: relaxes chains of images. */

/** A relaxation by mechanics with friction, for forces that come from no single potential. */
export interface Fire {
  /** One step in place along `force`; no number moves by more than `most`. */
  move(x: Float64Array, force: Float64Array): void;
  /** Forgets the velocity, e.g. when the forces change their definition. */
  rest(): void;
}

const START_MIXING = 0.1;

/** Bitzek, Koskinen, Gähler, Moseler and Gumbsch 2006, with their parameters; semi-implicit Euler; `time` is the first step. */
export function fire(length: number, time: number, most: number): Fire {
  const v = new Float64Array(length);
  let [h, mixing, downhill] = [time, START_MIXING, 0];
  return {
    move(x, force) {
      let [power, vv, ff] = [0, 0, 0];
      for (let i = 0; i < length; i++) {
        power += force[i]! * v[i]!;
        vv += v[i]! * v[i]!;
        ff += force[i]! * force[i]!;
      }
      if (power > 0) {
        const turn = ff > 0 ? mixing * Math.sqrt(vv / ff) : 0;
        for (let i = 0; i < length; i++) v[i] = (1 - mixing) * v[i]! + turn * force[i]!;
        if (++downhill > 5) {
          h = Math.min(1.1 * h, 10 * time);
          mixing *= 0.99;
        }
      } else {
        v.fill(0);
        [h, mixing, downhill] = [h / 2, START_MIXING, 0];
      }
      let largest = 0;
      for (let i = 0; i < length; i++) {
        v[i]! += h * force[i]!;
        largest = Math.max(largest, Math.abs(v[i]!));
      }
      const scale = largest * h > most ? most / largest : h;
      for (let i = 0; i < length; i++) x[i]! += scale * v[i]!;
    },
    rest() {
      v.fill(0);
      [h, mixing, downhill] = [time, START_MIXING, 0];
    },
  };
}
