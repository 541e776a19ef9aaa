/** @file Energy on the depth clock: the budget of each cut, the invariant that tests it, and what each rule loses. */
import { useCallback } from 'react';
import { budgetPicture } from '../../../src/pictures/budget.ts';
import { fixed, number, percent } from '../../../src/pictures/scale.ts';
import { costatePicture } from '../../../src/pictures/small.ts';
import type { CircuitResult, EnergyResult, StudyResults } from '../api/types.ts';
import { paths } from '../router.tsx';
import { FeatureName, siteName } from '../ui/feature-name.tsx';
import { Picture } from '../ui/picture.tsx';
import { SignedBar } from '../ui/signed-bar.tsx';
import { TaskTabs } from '../ui/tabs.tsx';
import { NotYet } from '../ui/told.tsx';
import { Word } from '../ui/word.tsx';
import { mainEnergy } from './overview/main-results.ts';

export function EnergyPage({ results, task }: { results: StudyResults; task?: string | undefined }) {
  const energy = task ? results.energy.find((one) => one.task === task) : mainEnergy(results);
  if (!energy) return <NotYet stage="energy" what="The energy" />;
  const circuitOf = (task: string) => results.circuits.find((one) => one.task === task);
  return (
    <>
      <h1>Where the energy goes</h1>
      <p className="lead">
        A part’s <Word term="energy">energy</Word> is how much it contributes to the difference between the
        prompt and its counterpart. At every <Word term="cut">cut</Word> the parts must add up to the{' '}
        <Word term="deltaM">whole effect</Word>; what is missing is printed, not hidden. The time that runs
        here is the <Word term="depthClock">depth clock</Word>.
      </p>
      <TaskTabs
        tasks={results.energy.map((one) => ({
          to: paths.energy(one.task),
          name: circuitOf(one.task)?.title ?? one.task,
          task: one.task,
        }))}
        current={energy.task}
      />
      <Budget energy={energy} />
      <Invariant energy={energy} />
      <Rules energy={energy} />
      <TopFeatures energy={energy} circuit={circuitOf(energy.task)} />
    </>
  );
}

function Budget({ energy }: { energy: EnergyResult }) {
  const draw = useCallback(
    (width: number) =>
      budgetPicture(
        energy.budget,
        { width, height: 340 },
        'Energy budget per cut: features, error nodes and leak',
        'budget',
      ),
    [energy],
  );
  return (
    <section className="section">
      <h2>The budget at each cut</h2>
      <p className="says">
        Solid: carried by features. Hatched: <Word term="errorNode">error nodes</Word>, what the dictionary
        did not rebuild. Outlined: the <Word term="leak">leak</Word> of the calculation ({energy.rule}, mean
        of {energy.examples} examples).
      </p>
      <Picture draw={draw} />
    </section>
  );
}

function Invariant({ energy }: { energy: EnergyResult }) {
  const { products, spread, relativeSpread, randomSpread } = energy.costate;
  const draw = useCallback((width: number) => costatePicture(products, { width, height: 240 }), [products]);
  return (
    <section className="section">
      <h2>The costate invariant</h2>
      <p className="says">
        The product of the <Word term="costate">costate</Word> with the difference of the two runs must be the
        same at every cut. That is no discovery: it tests that gradients and states belong together. Spread{' '}
        {number(spread)} (allowed: 10⁻⁵), for a random direction {number(randomSpread)}; plain relative spread{' '}
        {number(relativeSpread)}.
      </p>
      <Picture draw={draw} />
    </section>
  );
}

function Rules({ energy }: { energy: EnergyResult }) {
  const rules = energy.rules.filter((rule) => energy.budget.some((row) => rule.name in row.leakByRule));
  return (
    <section className="section">
      <h2>What each rule loses</h2>
      <p className="says">
        The way from one prompt’s state to the other’s is cut into steps. The{' '}
        <Word term="quadrature">rule</Word> and its number of points decide how much{' '}
        <Word term="leak">leaks</Word>; early cuts need more. Measured on {energy.ruleExamples} examples that
        all rules were run on.
      </p>
      <table className="narrow">
        <thead>
          <tr>
            <th>cut</th>
            {rules.map((rule) => (
              <th key={rule.name} className="n">
                {rule.name}
                <br />
                {rule.points} {rule.points === 1 ? 'gradient' : 'gradients'}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {energy.budget.map((row) => {
            const best = Math.min(...Object.values(row.leakByRule));
            return (
              <tr key={row.cut}>
                <td>{siteName(row.site)}</td>
                {rules.map((rule) => {
                  const leak = row.leakByRule[rule.name];
                  return (
                    <td key={rule.name} className={leak === best ? 'n best' : 'n'}>
                      {leak === undefined ? '–' : percent(leak, leak < 0.1 ? 2 : 1)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function TopFeatures({ energy, circuit }: { energy: EnergyResult; circuit: CircuitResult | undefined }) {
  const positionName = (position: number): string =>
    circuit?.positions.labels[position] ?? `position ${position + 1}`;
  const most = Math.max(1e-12, ...energy.topFeatures.map((one) => Math.abs(one.energy)));
  return (
    <section className="section">
      <h2>Features with the most energy</h2>
      <p className="says">
        For “{circuit?.title ?? energy.task}”. Positive: the prompt has it and the answer needs it. Unit: the
        metric’s (difference of two <Word term="logit">logits</Word>).
      </p>
      <table className="narrow">
        <thead>
          <tr>
            <th>feature</th>
            <th>at</th>
            <th className="n">energy</th>
            <th>against · toward</th>
          </tr>
        </thead>
        <tbody>
          {energy.topFeatures.slice(0, 20).map((one) => (
            <tr key={`${one.site}/${one.feature}/${one.position}`}>
              <td>
                <FeatureName site={one.site} feature={one.feature} />
              </td>
              <td>{positionName(one.position)}</td>
              <td className="n">{fixed(one.energy, 3)}</td>
              <td className="bar">
                <SignedBar share={one.energy / most} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
