/** @file The learning clock and ensembles: T, V and H of training, charges, the barrier, specific heat; results of commands. */
import { useCallback } from 'react';
import { fixed, number } from '../../../../src/pictures/scale.ts';
import {
  barrierPicture,
  chargesPicture,
  effectivePicture,
  heatPicture,
  potentialWords,
  trainingPicture,
} from '../../../../src/study/energy/draw-results.ts';
import type { EnsembleReport, LearningReport } from '../../api/types.ts';
import { useQuery } from '../../router.tsx';
import { siteName } from '../../ui/feature-name.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
import { Choice } from '../mechanics/knob.tsx';
import { Saved } from './saved.tsx';

export function Learning() {
  return (
    <>
      <p className="lead">
        Time runs over the steps of learning; the parameters move, and the loss is their potential V. Without
        friction H = T + V stays what it was, up to the error of a step; with it, what is missing has gone
        into friction. The time that runs here is the learning <Word term="clock">clock</Word>.
      </p>
      <Saved<LearningReport>
        kind="learning"
        title="The learning clock"
        says="A toy model of superposition is trained by motions with and without friction and by optimisers."
      >
        {(report) => <Report report={report} />}
      </Saved>
      <Saved<EnsembleReport>
        kind="ensemble"
        title="Beyond Hamilton"
        says="Feature states as an ensemble at a temperature, the effective number of features, local learning coefficients."
      >
        {(report) => <Ensemble report={report} />}
      </Saved>
    </>
  );
}

function Report({ report }: { report: LearningReport }) {
  const { charges, separation } = report;
  return (
    <>
      <Training report={report} />
      {charges.length > 0 && <Charges charges={charges} />}
      {separation && <Separation separation={separation} />}
    </>
  );
}

function Training({ report }: { report: LearningReport }) {
  const { runs } = report;
  const [method, setMethod] = useQuery('method', runs[0]?.name ?? '');
  const run = runs.find((one) => one.name === method) ?? runs[0];
  const draw = useCallback(
    (width: number) => (run ? trainingPicture(run, { width: Math.min(width, 900), height: 360 }) : ''),
    [run],
  );
  return (
    <section className="section" aria-labelledby="training">
      <h2 id="training">T, V and H of a training run</h2>
      <p className="says">
        {report.name}, {report.parameters} parameters, V the loss on{' '}
        {potentialWords[run?.potentialOf ?? 'full batch']}. H = T + V.
        {run?.unaccounted !== undefined &&
          ` What H and friction together do not account for: ${number(run.unaccounted)}.`}
      </p>
      <div className="knobs">
        <Choice
          label="Method"
          value={run?.name ?? ''}
          of={runs.map((one) => one.name)}
          onChange={setMethod}
        />
      </div>
      <Picture draw={draw} />
    </section>
  );
}

function Charges({ charges }: Pick<LearningReport, 'charges'>) {
  const draw = useCallback(
    (width: number) => chargesPicture(charges, { width: Math.min(width, 900), height: 280 }),
    [charges],
  );
  return (
    <section className="section" aria-labelledby="charges">
      <h2 id="charges">What symmetries keep</h2>
      <p className="says">
        A <Word term="symmetryCharge">charge</Word> stays where the symmetry moves no distances; otherwise it
        grows as predicted.
      </p>
      <Picture draw={draw} />
      <div className="scroll">
        <table className="narrow">
          <thead>
            <tr>
              <th>symmetry</th>
              <th>kept</th>
              <th className="n">charge at the start</th>
              <th className="n">at the end</th>
              <th className="n">predicted</th>
              <th className="n">largest difference</th>
            </tr>
          </thead>
          <tbody>
            {charges.map((one) => (
              <tr key={one.name}>
                <td>{one.name}</td>
                <td>{one.conserved ? 'yes' : 'no'}</td>
                <td className="n">{number(one.charge[0] ?? Number.NaN, 4)}</td>
                <td className="n">{number(one.charge.at(-1) ?? Number.NaN, 4)}</td>
                <td className="n">{number(one.predicted.at(-1) ?? Number.NaN, 4)}</td>
                <td className="n">{number(one.defect)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Separation({ separation }: { separation: NonNullable<LearningReport['separation']> }) {
  const draw = useCallback(
    (width: number) => barrierPicture(separation, { width: Math.min(width, 900), height: 340 }),
    [separation],
  );
  return (
    <section className="section" aria-labelledby="separation">
      <h2 id="separation">Do separated features stay apart?</h2>
      <p className="says">
        Two features merge when their cosine reaches {separation.cosine}. On the easiest way found the loss
        rises by {number(separation.barrier - separation.floor)}: an estimated{' '}
        <Word term="barrier">barrier</Word>. A motion with less energy than the lowest way needs cannot merge
        them; this is the lowest way found, and a lower one may exist.{' '}
        {separation.runs.some((one) => one.merged)
          ? 'Some of the motions that tested it merged.'
          : `None of the ${separation.runs.length} motions that tested it merged, those with more energy among them.`}
      </p>
      <Picture draw={draw} />
    </section>
  );
}

function Ensemble({ report }: { report: EnsembleReport }) {
  const draw = useCallback(
    (width: number) => heatPicture(report, { width: Math.min(width, 900), height: 340 }),
    [report],
  );
  const drawFeatures = useCallback(
    (width: number) => effectivePicture(report, Math.min(width, 900)),
    [report],
  );
  return (
    <section className="section" aria-labelledby="ensemble">
      <h2 id="ensemble">Beyond Hamilton: an ensemble of feature states</h2>
      <p className="says">
        {report.title}, features at {siteName(report.site)}. Every mask of the main features is a state;{' '}
        <Word term="specificHeat">specific heat</Word> peaks where they begin to be kept. Features that ignore
        each other have a peak too, so read where it is, not how high. Dashed: features without interaction,
        random ones, an untrained network.
      </p>
      <Picture draw={draw} />
      <h3>How many features, effectively?</h3>
      <p className="says">
        exp of the entropy of the co-activation matrix, beside the same features active independently.
      </p>
      <Picture draw={drawFeatures} />
      <h3>Local learning coefficients of two basins of a toy model</h3>
      <div className="scroll">
        <table className="narrow">
          <thead>
            <tr>
              <th>basin</th>
              <th className="n">coefficient</th>
              <th className="n">if every parameter counted</th>
              <th className="n">effective parameters</th>
            </tr>
          </thead>
          <tbody>
            {report.basins.map((one) => (
              <tr key={one.name}>
                <td>{one.name}</td>
                <td className="n">
                  {fixed(one.value, 2)} ± {fixed(one.error, 2)}
                </td>
                <td className="n">{fixed(one.regular, 1)}</td>
                <td className="n">{fixed(one.effective, 1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
