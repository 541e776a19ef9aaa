/** @file Pictures of importance, circuits by energy, learning and ensembles, the same for command line and Studio. */
import type { ConceptResult } from '../../energy/concept/types.ts';
import type { ImportanceResult, MeasureName } from '../../energy/importance/types.ts';
import type { TrainingReport } from '../../energy/learning/report.ts';
import type { MaskArm, MaskCircuitResult } from '../../energy/masks/types.ts';
import { cutLabel } from '../../pictures/budget.ts';
import { categories, ink, nullGrey } from '../../pictures/colours.ts';
import { dotsPicture } from '../../pictures/dots.ts';
import { type Line, linesPicture } from '../../pictures/lines.ts';
import { phasePicture } from '../../pictures/phase.ts';
import { extent, fixed, number, percent } from '../../pictures/scale.ts';
import type { Size } from '../../pictures/svg.ts';
import type { EnsembleReport, LearningReport } from './types.ts';

/** How rankings are called. */
export const measureWords: Readonly<Record<MeasureName, string>> = {
  drift: 'energy that keeps still (drift)',
  'drift-permuted': 'the same, V shuffled in time',
  'mean-energy': 'mean |T + V|',
  'mean-kinetic': 'mean T, how much it moves',
  'mean-potential': 'mean |V|, how much it counts',
  'learning-work': 'work on the learning clock',
  'learning-kinetic': 'mean T on the learning clock',
  'learning-drift': 'keeps still on the learning clock (drift)',
  'learning-drift-permuted': 'the same, V shuffled over steps',
  'integrated-gradients': 'energy on the depth clock',
  'gradient-activation': 'gradient × activation',
  activation: 'activation',
  frequency: 'frequency',
  chance: 'chance',
};

/** Spearman of every ranking with exact effects, its nulls under it. */
export const importancePicture = (
  { site, metric, scores }: ImportanceResult['comparisons'][number],
  width: number,
): string =>
  dotsPicture(
    scores.map(({ name, score, nulls }) => ({
      ...{ name: measureWords[name], score, nulls },
      faint: name === 'chance' || name.endsWith('drift-permuted'),
    })),
    {
      width,
      label: `Agreement of each ranking of features at ${site} with their exact effects on ${metric}, nulls beside it`,
      x: 'rank correlation with exact effects (Spearman)   ○ untrained network, shuffled layers',
      mark: { at: 0, name: 'no relation' },
      format: (v) => fixed(v, 2),
    },
  );

const armColour: Readonly<Record<string, string>> = {
  energy: categories[0],
  adam: categories[1],
  threshold: categories[2],
  flow: categories[3],
  random: nullGrey,
};

/** How arms are called. */
export const armWords = (name: string): string =>
  ({ energy: 'by energy', adam: 'masks by Adam', threshold: 'threshold', flow: 'flow', random: 'random' })[
    name
  ] ?? name;

/** Faithfulness over size, one line an arm. */
export const maskPicture = ({ arms, task }: MaskCircuitResult, size: Size): string =>
  linesPicture(
    arms.map(
      ({ name, points }): Line => ({
        name: armWords(name),
        colour: armColour[name] ?? categories[4],
        ...(name === 'random' ? { dashed: true } : {}),
        points: points.map(({ nodes, faithfulness: { value, low, high } }) => ({
          x: nodes,
          y: value,
          low,
          high,
        })),
      }),
    ),
    {
      ...size,
      label: `Share of the behaviour that circuits of ${task} carry by size, found by energy, Adam, threshold, flow and chance`,
      x: 'nodes in the circuit',
      y: 'share of the behaviour (held out)',
      logX: true,
      reach: [0, 1],
      formatX: (v) => fixed(v, 0),
      formatY: (v) => percent(v),
    },
  );

/** T, V and H of a motion of masks. */
export const maskMotionPicture = ({ motion = [] }: Pick<MaskArm, 'motion'>, size: Size): string =>
  energiesPicture(
    {
      times: motion.map((one) => one.step),
      kinetic: motion.map((one) => one.kinetic),
      potential: motion.map((one) => one.potential),
      energy: motion.map((one) => one.energy),
    },
    { x: 'step', label: 'T, V and H = T + V of the feature masks over the steps that find the circuit' },
    size,
  );

/** Which loss V is. */
export const potentialWords: Readonly<Record<TrainingReport['potentialOf'], string>> = {
  'full batch': 'all data (full batch)',
  'evaluation batch': 'a fixed evaluation batch, which no step learns from',
};

type Energies = Pick<TrainingReport, 'times' | 'kinetic' | 'potential' | 'energy' | 'dissipated'>;

/** T, V and H = T + V over time; with friction also H with what it took. */
function energiesPicture(
  { times, kinetic, potential, energy, dissipated }: Energies,
  { x, label }: { readonly x: string; readonly label: string },
  size: Size,
): string {
  const line = (name: string, colour: string, values: readonly number[], dashed = false): Line => ({
    ...{ name, colour, dashed },
    points: values.map((y, k) => ({ x: times[k]!, y })),
  });
  return linesPicture(
    [
      line('T, moving', categories[2], kinetic),
      line('V, loss', categories[1], potential),
      line('H = T + V', ink, energy),
      ...(dissipated?.some((lost) => lost !== 0)
        ? [
            line(
              'H + friction',
              nullGrey,
              energy.map((h, k) => h + dissipated[k]!),
              true,
            ),
          ]
        : []),
    ],
    { ...size, label, x, y: 'energy, in units of the loss', names: 110, formatY: (v) => number(v) },
  );
}

/** One training run on its clock. */
export const trainingPicture = (run: TrainingReport, size: Size): string =>
  energiesPicture(
    run,
    { x: 'time of learning', label: `T, V and H = T + V of training by ${run.name} (learning clock)` },
    size,
  );

/** Charges of symmetries along a motion without friction, what theory predicts dashed. */
export const chargesPicture = (charges: LearningReport['charges'], size: Size): string =>
  linesPicture(
    charges.flatMap(({ name, times, charge, predicted }, i): Line[] => {
      const colour = categories[i % categories.length]!;
      const points = (values: readonly number[]) => values.map((y, k) => ({ x: times[k]!, y }));
      return [
        { name, colour, points: points(charge) },
        { name: 'predicted', colour, dashed: true, points: points(predicted) },
      ];
    }),
    {
      ...size,
      label: 'Charge of each symmetry while learning, and what is predicted',
      x: 'time of learning',
      y: 'charge p·ξ',
      names: 150,
    },
  );

/** V along the way from the separated state to a merger, with the heights of the runs that tested it. */
export function barrierPicture(
  { path, floor, barrier, runs }: NonNullable<LearningReport['separation']>,
  size: Size,
): string {
  const last = Math.max(1, path.length - 1);
  const levels = runs.map(
    ({ height, energy, merged }): Line => ({
      name: `r = ${height}: ${merged ? 'merged' : 'stayed apart'}`,
      colour: merged ? categories[1] : categories[2],
      dashed: true,
      points: [0, 1].map((x) => ({ x, y: energy })),
    }),
  );
  return linesPicture(
    [
      {
        name: 'V on the way',
        colour: categories[0],
        points: path.map((y, k) => ({ x: k / last, y })),
      },
      ...levels,
    ],
    {
      ...size,
      label: `Loss V (learning clock) on the easiest way found from separated features to a merger: an estimated barrier of ${number(barrier - floor)} above the floor`,
      x: 'share of the way to the merger',
      y: 'loss V; dashed: energy H of a motion',
      names: 150,
      reach: [floor],
    },
  );
}

/** Specific heat per feature against temperature, chosen features beside their nulls. */
export const heatPicture = ({ masks, site }: EnsembleReport, size: Size): string =>
  linesPicture(
    masks.map(({ name, thermal }, i) => ({
      name,
      colour: i === 0 ? categories[0] : categories[(i + 1) % categories.length]!,
      dashed: i > 0,
      points: thermal.map(({ temperature, specificHeat }) => ({ x: temperature, y: specificHeat })),
    })),
    {
      ...size,
      label: `Specific heat of feature masks at ${site} against temperature, beside nulls`,
      x: 'temperature, in units of the metric',
      y: 'specific heat per feature',
      logX: true,
      names: 150,
      formatX: (v) => number(v),
    },
  );

/** exp of the von Neumann entropy as an effective number of features, beside independent features. */
export const effectivePicture = ({ coactivation }: EnsembleReport, width: number): string =>
  dotsPicture(
    coactivation.map(({ name, norm, effective, independent }) => ({
      name: `${name}, ${norm}`,
      score: { value: effective, low: Number.NaN, high: Number.NaN },
      nulls: [
        {
          name: 'features active independently',
          score: {
            value: independent.effective,
            low: independent.effective - 2 * independent.deviation,
            high: independent.effective + 2 * independent.deviation,
          },
        },
      ],
    })),
    {
      width,
      label: 'Effective number of features, beside the same features active independently of each other',
      x: 'effective number of features, exp S   ○ independent features',
      reach: [0],
    },
  );

const overWords = {
  depth: 'cuts (depth clock)',
  sequence: 'positions (sequence clock)',
  examples: 'examples',
} as const;
const seriesWords = { depth: 'cut (blocks passed)', sequence: 'position', examples: 'example' } as const;

/** A number without an interval. */
const alone = (value: number) => ({ value, low: Number.NaN, high: Number.NaN });

/** What a concept of one's own said, where it is a picture: a line over its places, drifts of features, or a phase portrait. */
export function conceptPicture(result: ConceptResult, size: Size): string | undefined {
  const { name, task, unit, series, features, motion } = result;
  if (series) {
    return linesPicture([{ name, colour: categories[0], points: series.values.map((y, x) => ({ x, y })) }], {
      ...size,
      label: `${name} of ${task} over ${overWords[series.over]}`,
      x: seriesWords[series.over],
      y: unit ? `${name}, ${unit}` : name,
      formatX: (v) => series.labels[v] ?? fixed(v, 0),
    });
  }
  if (features) {
    return dotsPicture(
      features.flatMap(({ site, feature, drift, textbookDrift }) =>
        drift === undefined
          ? []
          : {
              name: `feature ${feature}, ${cutLabel(site)}`,
              score: alone(drift),
              nulls:
                textbookDrift === undefined
                  ? []
                  : [{ name: 'under the textbook potential', score: alone(textbookDrift) }],
            },
      ),
      {
        width: size.width,
        label: `Drift of features under ${name} (sequence clock), beside the textbook potential`,
        x: 'drift of T + V   ● under this potential   ○ under the textbook one',
        reach: [0],
      },
    );
  }
  if (!motion) return undefined;
  const n = motion.coordinates.length;
  const column = (values: readonly number[], i: number) => motion.times.map((_, k) => values[k * n + i]!);
  return phasePicture(
    motion.coordinates.map((coordinate, i) => ({
      ...{ name: coordinate, x: column(motion.q_KN, i), y: column(motion.p_KN, i) },
    })),
    {
      ...size,
      label: `Phase portrait of ${name} of ${task} (a clock of its own)`,
      xName: 'q',
      yName: 'p',
      x: extent(motion.q_KN, [], 0.05),
      y: extent(motion.p_KN, [0], 0.05),
    },
  );
}
