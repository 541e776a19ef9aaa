/** @file The lessons that take seconds to compute: phases, the barrier, and the way from tangled to disentangled. */
import { useCallback, useEffect, useState } from 'react';
import { number } from '../../../../src/pictures/scale.ts';
import {
  barrierProfile,
  phaseMap,
  responseStacks,
  transitionPortrait,
} from '../../../../src/superposition/draw.ts';
import { type TransitionMethod, transitionMethods } from '../../../../src/superposition/transition.ts';
import { useQuery } from '../../router.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
import { Choice, useTime } from '../mechanics/knob.tsx';
import type { Answer, Job } from './worker.ts';

/** The last answer to a job, computed beside the page; begins anew when `job` changes (keep it stable). */
function useWorker<K extends Job['kind']>(job: Extract<Job, { kind: K }>) {
  const [given, setGiven] = useState<Answer>();
  useEffect(() => {
    setGiven(undefined);
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => setGiven(data);
    worker.onerror = ({ message }) => setGiven({ kind: 'failed', message });
    worker.postMessage(job);
    return () => worker.terminate();
  }, [job]);
  return {
    failed: given?.kind === 'failed' ? given.message : undefined,
    found: given?.kind === job.kind ? (given as Extract<Answer, { kind: K }>) : undefined,
  };
}

function Waiting({ failed }: { failed: string | undefined }) {
  return (
    <p className="soft" role="status">
      {failed ?? 'computing …'}
    </p>
  );
}

const phasesJob = { kind: 'phases', points: 18 } as const;

/** Lesson 3: when a second feature is ignored, kept for itself, or superposed. */
export function Phases() {
  const { found, failed } = useWorker<'phases'>(phasesJob);
  const draw = useCallback(
    (width: number) => {
      if (!found) return '';
      const { rows } = found;
      const densities = rows[0]!.densities;
      const none = { loss: Number.NaN, norm: Number.NaN, interference: Number.NaN };
      const cells = rows.flatMap(({ importance, phases }) =>
        phases.map((phase, d) => ({ importance, density: densities[d]!, phase, ...none })),
      );
      const importances = rows.map((row) => row.importance);
      const side = Math.min(width, 460);
      return phaseMap(
        { features: 2, neurons: 1, importances, densities, cells },
        { width: side, height: side },
      );
    },
    [found],
  );
  return (
    <section className="section" aria-labelledby="phases">
      <h2 id="phases">3. Ignored, alone, or together: a sharp boundary</h2>
      <p className="says">
        Two features, one neuron. To the right the second one matters more, downwards both are rarer. Common
        features fight: the neuron goes to the more important one. Rare ones share it with opposite signs, and
        between the two there is no gentle passage.
      </p>
      {found ? <Picture draw={draw} /> : <Waiting failed={failed} />}
    </section>
  );
}

const barrierJob = { kind: 'barrier' } as const;

/** Lesson 4: the two basins of five-in-two. */
export function Barrier() {
  const { found, failed } = useWorker<'barrier'>(barrierJob);
  const draw = useCallback(
    (width: number) => (found ? barrierProfile(found.bands, { width, height: 320 }) : ''),
    [found],
  );
  const energies = found?.bands.at(-1)?.energies;
  const top = energies ? Math.max(...energies) : Number.NaN;
  return (
    <section className="section" aria-labelledby="barrier">
      <h2 id="barrier">4. Two basins, and the pass between them</h2>
      <p className="says">
        Five features in two neurons at S = 0.9 can rest in two ways: as a pentagon, or as two pairs of
        opposites with one feature dropped. The picture is the loss along the easiest way found between them
        (a nudged elastic band, at two resolutions).
      </p>
      {found ? <Picture draw={draw} /> : <Waiting failed={failed} />}
      {energies && (
        <p className="soft">
          From the two pairs the climb is {number(top - energies[0]!)}, from the pentagon{' '}
          {number(top - energies.at(-1)!)}: the worse basin is shallow, the better one deep. An upper estimate
          of the <Word term="barrier">barrier</Word>, not a proof.
        </p>
      )}
    </section>
  );
}

/** Lesson 5: from tangled neurons to features. */
export function Untangling() {
  const [asked, setMethod] = useQuery('way', 'heavy-ball');
  const method = transitionMethods.find((one) => one === asked) ?? 'heavy-ball';
  return (
    <section className="section" aria-labelledby="untangling">
      <h2 id="untangling">5. From tangled to disentangled</h2>
      <p className="says">
        Left, three neurons that hold eight features, tangled. A sparse autoencoder begins as these neurons
        and learns; right, what each of its units answers to each feature: one colour to a unit is a
        disentangled state. Between them the way, on the learning clock: <i>q</i> is how far it has come,{' '}
        <i>p</i> how fast it goes.
      </p>
      <Way key={method} method={method} choose={setMethod} />
    </section>
  );
}

function Way({ method, choose }: { method: TransitionMethod; choose: (method: string) => void }) {
  const [job] = useState({ kind: 'transition', method } as const);
  const { found, failed } = useWorker<'transition'>(job);
  const { time, scrubber } = useTime(8);
  const last = found?.way.frames.at(-1)?.step ?? 1;
  const now = found?.way.states.reduce((a, b) =>
    Math.abs(b.step - time * last) < Math.abs(a.step - time * last) ? b : a,
  );
  const drawBefore = useCallback(
    (width: number) =>
      found
        ? responseStacks(
            found.before,
            { width, height: 300 },
            'tangled: weights of the neurons',
            (u) => `neuron ${u}`,
          )
        : '',
    [found],
  );
  const drawWay = useCallback(
    (width: number) => (found ? transitionPortrait([found.way], { width, height: 300 }, time) : ''),
    [found, time],
  );
  const drawAfter = useCallback(
    (width: number) =>
      now
        ? responseStacks(
            now.responses,
            { width, height: 300 },
            `step ${now.step}: answers of the units`,
            String,
          )
        : '',
    [now],
  );
  return (
    <>
      <div className="knobs">
        <Choice label="Learned by" value={method} of={transitionMethods} onChange={choose} />
        {scrubber}
      </div>
      {found ? (
        <>
          <div className="trio">
            <Picture draw={drawBefore} least={220} />
            <Picture draw={drawWay} least={220} />
            <Picture draw={drawAfter} least={220} />
          </div>
          <p className="verdict">
            Mean cosine with the true features: {found.way.mcc.before.toFixed(2)} →{' '}
            {found.way.mcc.after.toFixed(2)}
          </p>
        </>
      ) : (
        <Waiting failed={failed} />
      )}
    </>
  );
}
