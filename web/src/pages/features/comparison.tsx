/** @file Dictionaries of one site beside each other: variance explained against active features, as a picture and in numbers. */
import { useCallback } from 'react';
import { frontierPicture } from '../../../../src/pictures/curves.ts';
import { fixed, percent } from '../../../../src/pictures/scale.ts';
import type { SweepResult } from '../../api/types.ts';
import { siteName } from '../../ui/feature-name.tsx';
import { count } from '../../ui/numbers.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';

export function Comparison({ sweep }: { sweep: SweepResult }) {
  const draw = useCallback(
    (width: number) => frontierPicture(sweep.rows, { width: Math.min(width, 980), height: 320 }),
    [sweep],
  );
  return (
    <section className="section">
      <h2>Dictionaries compared at {siteName(sweep.site)}</h2>
      <p className="says">
        The same activations, learned with other sizes: more active features explain more, and say less each.
        The study goes on with the one that is marked.
      </p>
      <Picture draw={draw} />
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>dictionary</th>
              <th>kind</th>
              <th className="n">features</th>
              <th className="n">
                <Word term="l0" />
              </th>
              <th className="n">
                <Word term="fve" />
              </th>
              <th className="n">
                <Word term="ceRecovered" />
              </th>
              <th className="n">
                <Word term="dead" />
              </th>
            </tr>
          </thead>
          <tbody>
            {sweep.rows.map((row) => (
              <tr key={row.name}>
                <td>{row.chosen ? <strong>{row.name} (chosen)</strong> : row.name}</td>
                <td>{row.architecture ?? 'topk'}</td>
                <td className="n">{count(row.features)}</td>
                <td className="n">{fixed(row.l0, 1)}</td>
                <td className="n">{percent(row.fve, 1)}</td>
                <td className="n">{percent(row.ceRecovered, 1)}</td>
                <td className="n">{percent(row.dead, 1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
