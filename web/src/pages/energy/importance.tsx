/** @file Importance beside nulls, and circuits found by energy beside other ways: results of commands, as far as they are there. */
import { useCallback } from 'react';
import { fixed, number, percent } from '../../../../src/pictures/scale.ts';
import {
  armWords,
  importancePicture,
  maskMotionPicture,
  maskPicture,
  trainingPicture,
} from '../../../../src/study/energy/draw-results.ts';
import type { ImportanceResult, MaskCircuitResult } from '../../api/types.ts';
import { siteName } from '../../ui/feature-name.tsx';
import { Interval, withInterval } from '../../ui/numbers.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
import { Saved } from './saved.tsx';

export function Importance() {
  return (
    <>
      <p className="lead">
        The article hopes that conserved energy marks what matters. That can be tested: rank features by it
        and by other things, and compare each ranking with <Word term="exactEffect">exact effects</Word>. A
        ranking that does as well on an untrained network has found nothing.
      </p>
      <Saved<ImportanceResult>
        kind="importance"
        title="Rankings beside exact effects"
        says="The exact effect of each sampled feature is a run of its own, on the trained network and on its nulls. The command’s nulls read the trained network’s dictionary, a weaker comparison than one with a dictionary of their own; with --learn each learns its own, and the learning clock ranks as well."
      >
        {({ comparisons, runs }) =>
          comparisons.map((comparison) => (
            <Comparison
              key={`${comparison.site}/${comparison.metric}`}
              comparison={comparison}
              run={runs.find(
                ({ network, site, metric }) =>
                  network === 'trained' && site === comparison.site && metric === comparison.metric,
              )}
            />
          ))
        }
      </Saved>
      <Saved<MaskCircuitResult>
        kind="circuit"
        title="Circuits by energy"
        says="Every feature gets a mask that moves under the task’s loss; other ways of finding a circuit stand beside it."
      >
        {(masks) => <Masks masks={masks} />}
      </Saved>
    </>
  );
}

function Comparison({
  comparison,
  run,
}: {
  comparison: ImportanceResult['comparisons'][number];
  run: ImportanceResult['runs'][number] | undefined;
}) {
  const draw = useCallback(
    (width: number) => importancePicture(comparison, Math.min(width, 980)),
    [comparison],
  );
  const best = comparison.scores.reduce((a, b) => (b.score.value > a.score.value ? b : a));
  const drift = comparison.scores.find((one) => one.name === 'drift');
  return (
    <section className="section" aria-label={`Importance at ${siteName(comparison.site)}`}>
      <h2>Features at {siteName(comparison.site)}</h2>
      <p className="says">
        Rank correlation with exact effects on {comparison.metric}
        {run && `, ${run.features} features, ${run.examples} examples`}. Bars: 95 %{' '}
        <Word term="interval">intervals</Word> over features; rings: the same on an{' '}
        <Word term="null">untrained network and on shuffled layers</Word>.
        {drift && (
          <>
            {' '}
            <Word term="drift">Drift</Word>: {withInterval(drift.score)}; the best ranking here,{' '}
            {best.name.replaceAll('-', ' ')}: {withInterval(best.score)}.
          </>
        )}
      </p>
      <Picture draw={draw} />
      {run?.training && <Training training={run.training} />}
    </section>
  );
}

type Recorded = NonNullable<ImportanceResult['runs'][number]['training']>;

/** The training whose motion the rankings by the learning clock come from. */
function Training({ training }: { training: Recorded }) {
  const draw = useCallback(
    (width: number) => trainingPicture(training, { width: Math.min(width, 900), height: 300 }),
    [training],
  );
  const { features, rows, evaluationRows, steps, change, shared, completeness } = training;
  return (
    <>
      <h3>The training that the learning clock ranks by</h3>
      <p className="says">
        {features} features were learned from {rows} activations in {steps} steps. V is the loss on{' '}
        {evaluationRows} others, the same at every step; it changed by {number(change, 4)}, of which the
        motion of the features’ own parameters made {percent(1 - shared / change, 1)}. What the split does not
        account for: {number(completeness)} of the change.
      </p>
      <Picture draw={draw} />
    </>
  );
}

function Masks({ masks }: { masks: MaskCircuitResult }) {
  const draw = useCallback(
    (width: number) => maskPicture(masks, { width: Math.min(width, 900), height: 360 }),
    [masks],
  );
  const drawMotion = useCallback(
    (width: number) => maskMotionPicture(masks.arms[0] ?? {}, { width: Math.min(width, 900), height: 300 }),
    [masks],
  );
  return (
    <section className="section" aria-labelledby="masks">
      <h2 id="masks">A circuit found by moving under energy: {masks.task}</h2>
      <p className="says">
        Each of {masks.candidates} nodes has a <Word term="mask">mask</Word> as its coordinate; V is the loss
        plus a price for every node kept; friction lets the masks come to rest. Beside it, at equal size:
        masks by Adam, the largest effects, the paths that carry most, chance. {masks.heldOutExamples}{' '}
        held-out pairs.
      </p>
      <Picture draw={draw} />
      <h3>The motion</h3>
      <Picture draw={drawMotion} />
      <div className="scroll">
        <table className="narrow">
          <thead>
            <tr>
              <th className="n">nodes</th>
              <th>by energy minus</th>
              <th className="n">share of the behaviour</th>
            </tr>
          </thead>
          <tbody>
            {masks.differences.map((one) => (
              <tr key={`${one.nodes}/${one.against}`}>
                <td className="n">{one.nodes}</td>
                <td>{armWords(one.against)}</td>
                <td className="n">
                  <Interval estimate={one.difference} decimals={3} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="small soft">
        Gradients taken:{' '}
        {masks.arms
          .map((arm) => `${armWords(arm.name)} ${arm.gradients} (${fixed(arm.seconds, 0)} s)`)
          .join(', ')}
        . Each node kept costs λ = {number(masks.sparsity)}{' '}
        {masks.loss === 'kl' ? 'nats' : 'in units of the metric'}.
      </p>
    </section>
  );
}
