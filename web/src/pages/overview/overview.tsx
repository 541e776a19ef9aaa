/** @file The first screen: one sentence, the journey, and the pictures there are so far. */
import { useLive } from '../../api/store.ts';
import type { StudyState } from '../../api/types.ts';
import { Failed, Told } from '../../ui/told.tsx';
import { capital } from '../../words/sites.ts';
import { CircuitFigure, EditFigure, EnergyFigure } from './figures.tsx';
import { hasLearning, LearningFigure, ModelFigure } from './growing.tsx';
import { Journey } from './journey.tsx';
import { mainCircuit, mainEnergy } from './main-results.ts';
import { Sentence } from './sentence.tsx';

export function Overview({ study }: { study: StudyState }) {
  const { results } = study;
  return (
    <div className="overview">
      <Sentence results={results} />
      {results.model && <p className="note soft">{capital(results.model.note)}.</p>}
      <Journey study={study} />
      {study.error && <Failed error={study.error} />}
      <Pictures study={study} />
    </div>
  );
}

/** The three pictures; before they exist, the newest of the earlier ones in their place. */
function Pictures({ study }: { study: StudyState }) {
  const { history } = useLive();
  const { results } = study;
  const circuit = mainCircuit(results);
  const energy = mainEnergy(results);
  if (!circuit) {
    if (hasLearning(study, history)) return <LearningFigure study={study} />;
    if (results.model) return <ModelFigure model={results.model} />;
    return (
      <Told title="The pictures come with the results">
        <p>The first one appears as soon as the model is open, a few seconds from the start.</p>
      </Told>
    );
  }
  return (
    <div className={results.edit ? 'three' : 'three early'}>
      {results.edit && <EditFigure edit={results.edit} />}
      <CircuitFigure circuit={circuit} />
      {energy && <EnergyFigure energy={energy} />}
    </div>
  );
}
