/** @file Runs a concept on its data, holds what it returns to the contract, and adds what every concept gets: T, H, drift. */
import { EnergyError } from '../../core/errors.ts';
import { featureMotion, type TextSeries } from '../sequence/motion.ts';
import { stepsOf } from '../sequence/read.ts';
import { messageOf } from './load.ts';
import type {
  Clock,
  Concept,
  ConceptData,
  ConceptFeatures,
  ConceptResult,
  FeaturePath,
  Numbers,
  Observable,
  Potential,
  PotentialFigures,
  SeriesOver,
} from './types.ts';

/** Features that a potential is asked about, in each dictionary: those active at most positions. */
const FEATURES = 12;

/**
 * @param module name of the module, for errors and the result
 * @throws EnergyError `energy.concept-threw`, `energy.concept-length`, `energy.concept-number`, each naming the module
 */
export async function applyConcept(
  concept: Concept,
  module: string,
  data: ConceptData,
): Promise<ConceptResult> {
  const head = {
    ...{ module, task: data.task, kind: concept.kind, name: concept.name, meaning: concept.meaning },
    ...(concept.unit ? { unit: concept.unit } : {}),
  };
  switch (concept.kind) {
    case 'observable':
      return { ...head, ...(await observed(concept, module, data)) };
    case 'potential':
      return { ...head, features: await underPotential(concept, module, data) };
    case 'clock':
      return { ...head, motion: await moved(concept, module, data) };
  }
}

async function observed(
  { over, measure }: Observable,
  module: string,
  data: ConceptData,
): Promise<Pick<ConceptResult, 'value' | 'series'>> {
  const returned = await called(module, 'measure', () => measure(data));
  if (over === undefined) {
    if (typeof returned !== 'number') throw wrongLength(module, 'measure', 'a number', sizeOf(returned));
    return { value: finite(module, 'measure', [returned])[0]! };
  }
  const labels = labelsOf(over, data);
  const values = numbers(module, 'measure', returned, labels.length, `one for each of ${over}`);
  return { series: { over, labels, values } };
}

/** Names of what a series runs over. */
function labelsOf(over: SeriesOver, data: ConceptData): string[] {
  switch (over) {
    case 'depth':
      return data.cuts.map((cut) => cut.site);
    case 'sequence':
      return Array.from({ length: data.positions }, (_, t) => data.tokens_BT[0]?.[t] ?? String(t));
    case 'examples':
      return data.tokens_BT.map((tokens) => tokens.join(''));
  }
}

async function underPotential(
  { value }: Potential,
  module: string,
  data: ConceptData,
): Promise<PotentialFigures[]> {
  const found: PotentialFigures[] = [];
  for (const dictionary of data.dictionaries) {
    for (const feature of mostActive(dictionary, data)) {
      const own: TextSeries[] = [];
      const textbook: TextSeries[] = [];
      for (let example = 0; example < data.examples; example++) {
        const path = pathOf(dictionary, feature, example, data);
        const returned = await called(module, 'value', () => value(path));
        const V_T = numbers(module, 'value', returned, path.q_T.length, 'one for each token of the path');
        const { q_T, p_T } = path;
        const steps = stepsOf({ read_T: q_T.map((_, t) => Number(dictionary.reads(example, t + 1))) });
        own.push({ q_T, V_T, steps });
        // V = f·∂L/∂f with L = −m (mechanics.md §3).
        textbook.push({ q_T, V_T: q_T.map((q, t) => -q * p_T[t]!), steps });
      }
      const { kinetic, potential, energy, drift } = featureMotion(own);
      const { drift: textbookDrift } = featureMotion(textbook);
      found.push({
        ...{ site: dictionary.site, feature, kinetic, potential, energy },
        ...(Number.isFinite(drift) ? { drift } : {}),
        ...(Number.isFinite(textbookDrift) ? { textbookDrift } : {}),
      });
    }
  }
  return found;
}

/** Dictionaries do not read the first position: paths start at the second. */
function pathOf(
  dictionary: ConceptFeatures,
  feature: number,
  example: number,
  data: ConceptData,
): FeaturePath {
  const length = data.positions - 1;
  return {
    ...{ site: dictionary.site, feature, example },
    q_T: Float64Array.from({ length }, (_, t) => dictionary.active(example, t + 1).get(feature) ?? 0),
    p_T: Float64Array.from({ length }, (_, t) => dictionary.momentum(example, t + 1, feature)),
    tokens_T: data.tokens_BT[example]!.slice(1),
  };
}

function mostActive({ active }: ConceptFeatures, { examples, positions }: ConceptData): number[] {
  const counts = new Map<number, number>();
  for (let b = 0; b < examples; b++) {
    for (let t = 1; t < positions; t++) {
      for (const feature of active(b, t).keys()) counts.set(feature, (counts.get(feature) ?? 0) + 1);
    }
  }
  return [...counts]
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, FEATURES)
    .map(([feature]) => feature);
}

async function moved(
  { coordinates, motion }: Clock,
  module: string,
  data: ConceptData,
): Promise<NonNullable<ConceptResult['motion']>> {
  const returned = await called(module, 'motion', () => motion(data));
  const list = (key: 'times' | 'q_KN' | 'p_KN' | 'potential_K', length: number | undefined, of: string) =>
    numbers(module, `motion.${key}`, returned?.[key], length, of);
  const times = list('times', undefined, 'at least two');
  const [K, N] = [times.length, coordinates.length];
  if (K < 2) throw wrongLength(module, 'motion.times', 'at least two numbers', `${K}`);
  const back = times.findIndex((t, k) => k > 0 && t <= times[k - 1]!);
  if (back > 0) {
    throw new EnergyError(
      'energy.concept-number',
      `motion.times of ${module} does not grow: ${times[back]} at place ${back} follows ${times[back - 1]}`,
      { where: module, hint: 'return the times of the motion in order, each once' },
    );
  }
  const grid = `${K} times × ${N} coordinates`;
  const q_KN = list('q_KN', K * N, grid);
  const p_KN = returned.p_KN === undefined ? differences(q_KN, times, N) : list('p_KN', K * N, grid);
  const potential_K =
    returned.potential_K === undefined ? new Array<number>(K).fill(0) : list('potential_K', K, 'one a time');
  const kinetic_K = Array.from(
    { length: K },
    (_, k) => p_KN.slice(k * N, (k + 1) * N).reduce((sum, p) => sum + p * p, 0) / 2,
  );
  const energy_K = kinetic_K.map((T, k) => T + potential_K[k]!);
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / K;
  const centre = mean(energy_K);
  const deviation = Math.sqrt(mean(energy_K.map((e) => (e - centre) ** 2)));
  const scale = mean(kinetic_K) + mean(potential_K.map(Math.abs));
  return {
    ...{ coordinates, times, q_KN, p_KN, kinetic_K, potential_K, energy_K },
    ...(scale > 0 ? { drift: deviation / scale } : {}),
  };
}

/** (q(k + 1) − q(k)) / (t(k + 1) − t(k)), the momentum at mass 1; the last time keeps the one before it. */
const differences = (q_KN: readonly number[], times: readonly number[], N: number): number[] =>
  q_KN.map((_, i) => {
    const k = Math.min(Math.floor(i / N), times.length - 2);
    const at = k * N + (i % N);
    return (q_KN[at + N]! - q_KN[at]!) / (times[k + 1]! - times[k]!);
  });

/** Calls the user's function; what it throws becomes an error that names it. */
async function called<T>(module: string, what: string, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new EnergyError('energy.concept-threw', `${what}() of ${module} threw: ${messageOf(cause)}`, {
      where: module,
      hint: 'the error is in the module itself; its cause has the line',
      cause,
    });
  }
}

/** A returned list as finite numbers, as many as asked for. */
function numbers(
  module: string,
  what: string,
  returned: unknown,
  length: number | undefined,
  of: string,
): number[] {
  const list =
    Array.isArray(returned) || returned instanceof Float64Array || returned instanceof Float32Array
      ? Array.from(returned as Numbers)
      : undefined;
  if (!list || (length !== undefined && list.length !== length)) {
    const wanted = length === undefined ? 'a list of numbers' : `${length} numbers (${of})`;
    throw wrongLength(module, what, wanted, sizeOf(returned));
  }
  return finite(module, what, list);
}

const sizeOf = (returned: unknown): string =>
  typeof returned === 'object' && returned !== null && 'length' in returned
    ? `${(returned as { length: unknown }).length}`
    : String(typeof returned);

const wrongLength = (module: string, what: string, wanted: string, got: string): EnergyError =>
  new EnergyError(
    'energy.concept-length',
    `${what} of ${module} returned ${got} where ${wanted} is expected`,
    {
      where: module,
      hint: 'the table under "Your own concept" in docs/energy.md says what each kind returns',
    },
  );

function finite(module: string, what: string, values: readonly number[]): number[] {
  const at = values.findIndex((v) => typeof v !== 'number' || !Number.isFinite(v));
  if (at < 0) return [...values];
  throw new EnergyError(
    'energy.concept-number',
    `${what} of ${module} returned ${values[at]} at place ${at}`,
    {
      where: module,
      hint: 'look for a division by zero or the logarithm of something that can be 0',
    },
  );
}
