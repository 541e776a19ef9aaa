/** @file The sequence clock of a dictionary: T, V, E and drift of every feature over texts, and the motion of a few in full. */
import type { Network } from '../../circuits/cuts.ts';
import { pickPairs, range } from '../../circuits/examples.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { EnergyError } from '../../core/errors.ts';
import { random } from '../../core/random.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { type ExactOptions, exactPotentials } from './exact.ts';
import { addStep, matchedMass, noMotion } from './motion.ts';
import { type ReadText, readTexts, seriesOf, stepsOf, type Texts } from './read.ts';
import { gathering } from './table.ts';
import { type MassRule, massRules, type SequenceResult, type SequenceTrajectory } from './types.ts';

/** What is counted, and how often V is permuted. */
export interface SequenceOptions {
  /** Permutations of V in time; 19 unless given (the lowest drift of 20 is then one in twenty). */
  readonly permutations?: number;
  readonly seed: number;
  /** First-order V is compared with runs; left out, it is not. */
  readonly exact?: ExactOptions;
}

/**
 * T_i = p_i²/2m, p_i = m(q_i(t+1) − q_i(t)), V_i(t) = L − L(do f_i = 0) ≈ f_i ∂L/∂f_i, E = T + V (mechanics.md §3) of every
 * feature, by all mass rules at once; texts go by one after another.
 * @throws EnergyError `energy.no-steps`; CircuitError, DictionaryError as `readTexts`
 */
export async function sequenceClock(
  network: Network,
  dictionary: Dictionary,
  texts: Texts,
  { permutations = 19, seed, exact }: SequenceOptions,
  run: RunOptions,
): Promise<SequenceResult> {
  const stream = random(seed).fork('sequence');
  const all = gathering(dictionary.features, permutations, stream.fork('permuted'));
  await readTexts(network, dictionary, texts, run, (text) => all.add(text));
  if (all.steps() === 0) {
    throw new EnergyError('energy.no-steps', 'no two neighbouring positions of the texts are read', {
      where: dictionary.site,
      hint: 'give texts of three tokens or more: the first position and attention sinks pass by',
    });
  }
  return {
    clock: 'sequence',
    site: dictionary.site,
    texts: texts.pairs.examples,
    steps: all.steps(),
    permutations,
    tables: massRules.map((rule) => all.table(rule)),
    ...(exact
      ? { exact: await exactPotentials(network, dictionary, texts, stream.fork('exact'), run, exact) }
      : {}),
  };
}

/** Which motions are recorded. */
export interface TraceOptions {
  readonly features: readonly number[];
  /** `matched` over these texts unless given; the common mass comes from a table. */
  readonly rule?: Exclude<MassRule, 'common'> | { readonly common: number };
  /** Texts from the first; all unless given. */
  readonly texts?: number;
}

/**
 * The motion of some features over texts, for phase portraits: q against p, with T, V and E at each step.
 * @throws EnergyError `energy.no-feature`
 */
export async function featureTrajectories(
  network: Network,
  dictionary: Dictionary,
  { pairs, scale }: Texts,
  { features, rule = 'matched', texts = pairs.examples }: TraceOptions,
  run: RunOptions,
): Promise<SequenceTrajectory[]> {
  for (const feature of features) requireFeature(dictionary, feature);
  const some = pickPairs(pairs, range(0, Math.min(texts, pairs.examples)));
  const read: Step[][] = features.map(() => []);
  await readTexts(network, dictionary, { pairs: some, scale }, run, (text) => {
    features.forEach((feature, i) => {
      read[i]!.push(...stepsAt(text, feature));
    });
  });
  return features.map((feature, i) => trajectory(dictionary.site, feature, read[i]!, rule));
}

function requireFeature({ site, features }: Dictionary, feature: number): void {
  if (Number.isInteger(feature) && feature >= 0 && feature < features) return;
  throw new EnergyError('energy.no-feature', `the dictionary of ${site} has no feature ${feature}`, {
    where: site,
    hint: `features count from 0 to ${features - 1}`,
  });
}

interface Step {
  readonly text: number;
  readonly position: number;
  readonly q: number;
  readonly change: number;
  readonly V: number;
}

function stepsAt(text: ReadText, feature: number): Step[] {
  const { q_T, V_T } = seriesOf(text, [feature]).get(feature)!;
  return stepsOf(text).map((t) => ({
    text: text.text,
    position: t,
    q: q_T[t]!,
    change: q_T[t + 1]! - q_T[t]!,
    V: V_T[t]!,
  }));
}

function trajectory(
  site: string,
  feature: number,
  steps: readonly Step[],
  rule: NonNullable<TraceOptions['rule']>,
): SequenceTrajectory {
  const sums = noMotion();
  for (const { change, V } of steps) addStep(sums, change ** 2 / 2, V);
  const mass = rule === 'unit' ? 1 : rule === 'matched' ? matchedMass(sums) : rule.common;
  const column = (of: (step: Step, k: number) => number) => Float64Array.from(steps, of);
  const kinetic_K = column(({ change }) => (mass * change ** 2) / 2);
  const potential_K = column(({ V }) => V);
  return {
    clock: 'sequence',
    system: `feature ${feature} of ${site}`,
    integrator: 'none: read from the network',
    dimension: 1,
    momenta: 1,
    times: column((_, k) => k),
    q_KN: column(({ q }) => q),
    p_KN: column(({ change }) => mass * change),
    energies: kinetic_K.map((T, k) => T + potential_K[k]!),
    feature,
    mass,
    rule: typeof rule === 'object' ? 'common' : rule,
    kinetic_K,
    potential_K,
    text_K: Int32Array.from(steps, ({ text }) => text),
    position_K: Int32Array.from(steps, ({ position }) => position),
  };
}
