/** @file Lessons 4 and 5: how fast the error falls with the step, and order and chaos in a Poincaré section. */
import { useCallback, useDeferredValue, useMemo } from 'react';
import { systemNamed } from '../../../../src/mechanics/systems/registry.ts';
import { orderPicture, poincarePicture } from '../../../../src/study/mechanics/draw.ts';
import { measuredOrders, ORDER_METHODS } from '../../../../src/study/mechanics/orders.ts';
import { sectionOrbits } from '../../../../src/study/mechanics/section.ts';
import { sectionOf } from '../../../../src/study/mechanics/views.ts';
import { useQuery } from '../../router.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Choice, Knob, useNumber } from './knob.tsx';

const measured = ['kepler', 'pendulum', 'henon-heiles'] as const;

/** Lesson 4: error against step for methods of several orders. */
export function Exactness() {
  const [asked, setName] = useQuery('on', 'kepler');
  const name = measured.find((one) => one === asked) ?? 'kepler';
  const rows = useMemo(() => measuredOrders(systemNamed(name), ORDER_METHODS), [name]);
  const draw = useCallback((width: number) => orderPicture(rows, { width, height: 340 }), [rows]);
  return (
    <section className="section" aria-labelledby="order">
      <h2 id="order">4. How exact: the order</h2>
      <p className="says">
        Halve the step, and the error of a method of order r falls by 2ʳ. On two logarithmic scales that is a
        line of slope r, down to where rounding leaves nothing to gain.
      </p>
      <div className="knobs">
        <Choice label="On" value={name} of={measured} onChange={setName} />
      </div>
      <Picture draw={draw} />
    </section>
  );
}

const star = systemNamed('henon-heiles');

/** Lesson 5: Hénon and Heiles' star, seen whenever it passes x = 0. */
export function Chaos() {
  const [energy, setEnergy] = useNumber('energy', 0.125, [0.02, 0.166]);
  const settled = useDeferredValue(energy);
  const { orbits } = useMemo(() => sectionOrbits(star, { energy: settled, orbits: 9, time: 600 }), [settled]);
  const draw = useCallback(
    (width: number) => poincarePicture(orbits, sectionOf(star), { width, height: 420 }),
    [orbits],
  );
  return (
    <section className="section" aria-labelledby="chaos">
      <h2 id="chaos">5. Order and chaos</h2>
      <p className="says">
        Hénon and Heiles’ star moves in a plane; its phase space has four dimensions. Look only at the moments
        when it passes x = 0, and each orbit becomes a row of points: a Poincaré section. At low energy every
        orbit stays on a curve of its own; at higher energy some wander over whole regions.
      </p>
      <div className="knobs">
        <Knob
          label="Energy"
          value={energy}
          low={0.02}
          high={0.166}
          step={0.002}
          onChange={setEnergy}
          format={(v) => v.toFixed(3)}
        />
      </div>
      <Picture draw={draw} />
    </section>
  );
}
