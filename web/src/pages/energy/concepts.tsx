/** @file Concepts of one's own: what the study's modules said, as numbers and pictures. */
import { useCallback } from 'react';
import { fixed, number } from '../../../../src/pictures/scale.ts';
import { conceptPicture } from '../../../../src/study/energy/draw-results.ts';
import type { ConceptResult, StudyResults } from '../../api/types.ts';
import { FeatureName } from '../../ui/feature-name.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Told } from '../../ui/told.tsx';
import { Word } from '../../ui/word.tsx';

export function Concepts({ results: { concepts } }: { results: StudyResults }) {
  if (concepts.length === 0) {
    return (
      <Told title="Concepts of your own: not there yet">
        <p>
          An observable, a potential or a clock of yours is one module beside the study; the study file names
          it and this page shows what it says of every task. Two whole ones to copy lie in examples/.
        </p>
        <code>concepts: [./participation-ratio.ts]</code>
        <code>untangle energy concept examples/participation-ratio.ts --task agreement</code>
      </Told>
    );
  }
  return concepts.map((one) => <Concept key={`${one.module}/${one.task}`} concept={one} />);
}

/** Absent where nothing moves and nothing counts. */
const drift = (value: number | undefined): string => (value === undefined ? '–' : fixed(value, 3));

function Concept({ concept }: { concept: ConceptResult }) {
  const { name, task, meaning, value, unit, features, motion, module } = concept;
  const draw = useCallback(
    (width: number) => conceptPicture(concept, { width: Math.min(width, 820), height: 340 }) ?? '',
    [concept],
  );
  const title = `${name}: ${task}`;
  return (
    <section className="section" aria-label={title}>
      <h2>{title}</h2>
      <p className="says">
        {meaning}. <span className="small soft">From the module {module}.</span>
      </p>
      {value !== undefined && (
        <p className="verdict">
          {number(value, 4)} {unit}
        </p>
      )}
      {value === undefined && <Picture draw={draw} />}
      {motion?.drift !== undefined && (
        <p className="small soft">
          <Word term="drift">Drift</Word> of H = T + V over its scale: {number(motion.drift)}
        </p>
      )}
      {features && (
        <div className="scroll">
          <table className="narrow">
            <thead>
              <tr>
                <th>feature</th>
                <th className="n">⟨T⟩</th>
                <th className="n">⟨V⟩</th>
                <th className="n">T + V</th>
                <th className="n">
                  <Word term="drift" />
                </th>
                <th className="n">under the textbook V</th>
              </tr>
            </thead>
            <tbody>
              {features.map((one) => (
                <tr key={`${one.site}/${one.feature}`}>
                  <td>
                    <FeatureName site={one.site} feature={one.feature} />
                  </td>
                  <td className="n">{number(one.kinetic)}</td>
                  <td className="n">{number(one.potential)}</td>
                  <td className="n">{number(one.energy)}</td>
                  <td className="n">{drift(one.drift)}</td>
                  <td className="n">{drift(one.textbookDrift)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
