/** @file Energy: one page, a tab for each clock, and importance beside its nulls. */
import type { StudyState } from '../../api/types.ts';
import { Link, paths, useQuery } from '../../router.tsx';
import { TaskTabs } from '../../ui/tabs.tsx';
import { NotYet } from '../../ui/told.tsx';
import { Word } from '../../ui/word.tsx';
import { mainEnergy } from '../overview/main-results.ts';
import { Concepts } from './concepts.tsx';
import { Depth } from './depth.tsx';
import { Importance } from './importance.tsx';
import { Learning } from './learning.tsx';
import { Sequence } from './sequence.tsx';

const tabs = [
  ['depth', 'Through the layers'],
  ['sequence', 'Over the tokens'],
  ['importance', 'Does it mark importance?'],
  ['learning', 'While learning'],
  ['concepts', 'Your own'],
] as const;
type Tab = (typeof tabs)[number][0];

export function EnergyPage({ study, task }: { study: StudyState; task?: string | undefined }) {
  const { results } = study;
  const [asked] = useQuery('tab', 'depth');
  const tab: Tab = tabs.find(([name]) => name === asked)?.[0] ?? 'depth';
  const energy = task ? results.energy.find((one) => one.task === task) : mainEnergy(results);
  const here = paths.energy(task);
  return (
    <>
      <h1>Where the energy goes</h1>
      <p className="lead">
        A Hamiltonian system needs a time, and a network has several. Each tab below is one{' '}
        <Word term="clock">clock</Word>, and its words mean what they say there only.
      </p>
      <nav className="tabs" aria-label="Clocks">
        {tabs.map(([name, says]) => (
          <Link key={name} to={name === 'depth' ? here : `${here}?tab=${name}`} current={name === tab}>
            {says}
          </Link>
        ))}
      </nav>
      {tab === 'depth' && (
        <>
          <p className="lead">
            A part’s <Word term="energy">energy</Word> is how much it contributes to the difference between
            the prompt and its counterpart. At every <Word term="cut">cut</Word> the parts must add up to the{' '}
            <Word term="deltaM">whole effect</Word>; what is missing is printed, not hidden. The time that
            runs here is the <Word term="depthClock">depth clock</Word>.
          </p>
          <TaskTabs
            tasks={results.energy.map((one) => ({
              to: paths.energy(one.task),
              name: results.circuits.find((circuit) => circuit.task === one.task)?.title ?? one.task,
              task: one.task,
            }))}
            current={energy?.task ?? ''}
          />
          {energy ? <Depth energy={energy} results={results} /> : <NotYet stage="energy" what="The energy" />}
        </>
      )}
      {tab === 'sequence' && <Sequence results={results} />}
      {tab === 'importance' && <Importance />}
      {tab === 'learning' && <Learning />}
      {tab === 'concepts' && <Concepts results={results} />}
    </>
  );
}
