/** @file Superposition: more features than neurons, trained while you look. */
import { useCallback, useMemo } from 'react';
import { number } from '../../../../src/pictures/scale.ts';
import { featureBars, featurePlane, gramMatrix, neuronStacks } from '../../../../src/superposition/draw.ts';
import { polytopes } from '../../../../src/superposition/geometry.ts';
import { weightsAt } from '../../../../src/superposition/landscape.ts';
import { measureToy } from '../../../../src/superposition/measures.ts';
import { toyTask } from '../../../../src/superposition/task.ts';
import type { ToyWeights } from '../../../../src/superposition/types.ts';
import { useQuery } from '../../router.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
import { Choice, Knob, useNumber, useTime } from '../mechanics/knob.tsx';
import { Barrier, Phases, Untangling } from './slow.tsx';
import { type Method, methods, useDescent } from './use-descent.ts';

const share = (value: number) => value.toFixed(2);

export function SuperpositionPage() {
  return (
    <>
      <h1>Superposition, from five features in two neurons on</h1>
      <p className="lead">
        A network that has more things to tell apart than it has neurons can still hold them all, as long as
        few of them occur at once: it gives each a <Word term="feature">direction</Word>, and lets the
        directions overlap. Then no single neuron means one thing. Everything on this page is trained while
        you look.
      </p>
      <Plane />
      <Many />
      <Phases />
      <Barrier />
      <Untangling />
    </>
  );
}

/** What the features form, in words. */
function formed(weights: ToyWeights): string {
  const { dimensionality_N, represented } = measureToy(weights);
  const dropped = weights.features - represented.length;
  const parts = polytopes(weights).map(({ name, features }) => {
    const mean = features.reduce((sum, i) => sum + dimensionality_N[i]!, 0) / features.length;
    return `${name === 'alone' ? 'one alone' : name} (D = ${mean.toFixed(2)})`;
  });
  const rest = dropped > 0 ? `; ${dropped} dropped` : '';
  return parts.length === 0 ? 'nothing yet' : `${parts.join(', ')}${rest}`;
}

/** Lesson 1: features as arrows in the plane of two neurons. */
function Plane() {
  const [features, setFeatures] = useNumber('n', 5, [2, 9]);
  const [sparsity, setSparsity] = useNumber('S', 0.9, [0, 0.98]);
  const [decay, setDecay] = useNumber('I', 0.9, [0.5, 1]);
  const [seed, setSeed] = useNumber('seed', 1, [0, 30]);
  const [asked, setMethod] = useQuery('by', 'adam');
  const method: Method = asked in methods ? (asked as Method) : 'adam';
  const { time, scrubber } = useTime(6);
  const task = useMemo(
    () => toyTask({ features: Math.round(features), neurons: 2, sparsity, importance: decay }),
    [features, sparsity, decay],
  );
  const { frames, done } = useDescent(task, Math.round(seed), method, 1200, 8);
  const at = frames[Math.max(0, Math.round(time * frames.length) - 1)];
  const weights = useMemo(() => (at ? weightsAt(task, at.x) : undefined), [task, at]);
  const caption = at ? `step ${at.step}, loss ${number(at.loss, 3)}` : '';
  const drawPlane = useCallback(
    (width: number) => (weights ? featurePlane(weights, { width, height: 360 }, caption) : ''),
    [weights, caption],
  );
  const drawStacks = useCallback(
    (width: number) => (weights ? neuronStacks(weights, { width, height: 180 }, [-3, 3]) : ''),
    [weights],
  );
  const drawGram = useCallback(
    (width: number) => (weights ? gramMatrix(weights, { width: Math.min(width, 300), height: 240 }) : ''),
    [weights],
  );
  return (
    <section className="section" aria-labelledby="plane">
      <h2 id="plane">1. Five things to say, two neurons to say them with</h2>
      <p className="says">
        Each arrow is one feature: where it points is what it writes into the two neurons. With everything
        present all the time (sparsity 0) only two features survive, one to a neuron. When features are rare,
        all of them stay and the arrows spread as far from each other as they can.
      </p>
      <div className="knobs">
        <Knob label="Features" value={features} low={2} high={9} step={1} onChange={setFeatures} />
        <Knob
          label="Sparsity S"
          value={sparsity}
          low={0}
          high={0.98}
          step={0.02}
          onChange={setSparsity}
          format={share}
        />
        <Knob
          label="Each next one matters"
          value={decay}
          low={0.5}
          high={1}
          step={0.05}
          onChange={setDecay}
          format={(v) => `× ${share(v)}`}
        />
        <Knob label="Seed" value={seed} low={0} high={30} step={1} onChange={setSeed} />
        <Choice label="Trained by" value={method} of={Object.keys(methods)} onChange={setMethod} />
        {scrubber}
      </div>
      <div className="pair">
        <Picture draw={drawPlane} />
        <div>
          <Picture draw={drawStacks} />
          <Picture draw={drawGram} />
        </div>
      </div>
      <p className="verdict" role="status">
        {weights ? formed(weights) : 'training'}
        {!done && ' …'}
      </p>
      <p className="soft">
        D is a feature’s <Word term="dimensionality">dimensionality</Word>: how much of a dimension it has to
        itself. A pentagon leaves each 2/5, a pair of opposites 1/2, a triangle 2/3. With S = 0.9 other seeds
        end in two pairs with one feature dropped: a worse basin that this method did not leave.
      </p>
    </section>
  );
}

const densities = [0, 0.8, 0.96] as const;

/** Lesson 2: twenty features, five neurons, at three sparsities. */
function Many() {
  return (
    <section className="section" aria-labelledby="many">
      <h2 id="many">2. Twenty features, five neurons</h2>
      <p className="says">
        Above, the features: a blue bar has a direction of its own, an orange one shares it. Below, the same
        model seen from its neurons, each a stack of what it reads, one colour to a feature. The rarer the
        features, the more of them are kept and the more share a direction. (Neurons mix features even at S =
        0: here nothing happens to a neuron alone, so any rotation of the five serves as well.)
      </p>
      <div className="trio">
        {densities.map((sparsity) => (
          <OneSparsity key={sparsity} sparsity={sparsity} />
        ))}
      </div>
    </section>
  );
}

function OneSparsity({ sparsity }: { sparsity: number }) {
  const task = useMemo(() => toyTask({ features: 20, neurons: 5, sparsity, importance: 0.9 }), [sparsity]);
  const { frames, done } = useDescent(task, 3, 'adam', 500, 10);
  const at = frames.at(-1);
  const weights = useMemo(() => (at ? weightsAt(task, at.x) : undefined), [task, at]);
  const drawBars = useCallback(
    (width: number) => (weights ? featureBars(weights, { width, height: 180 }) : ''),
    [weights],
  );
  const drawStacks = useCallback(
    (width: number) => (weights ? neuronStacks(weights, { width, height: 220 }) : ''),
    [weights],
  );
  const meanings = weights ? measureToy(weights).meanings_M : undefined;
  const mean = meanings ? meanings.reduce((sum, value) => sum + value, 0) / meanings.length : Number.NaN;
  return (
    <figure>
      <figcaption>
        <b>S = {share(sparsity)}</b>
        {weights &&
          `: ${measureToy(weights).represented.length} of 20 kept, ${number(mean)} meanings a neuron`}
        {!done && ' …'}
      </figcaption>
      <Picture draw={drawBars} least={220} />
      <Picture draw={drawStacks} least={220} />
    </figure>
  );
}
