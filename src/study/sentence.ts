/** @file One plain sentence made from the results, never more certain than their intervals. */
import type { Estimate } from '../core/statistics.ts';
import type { StudyResults } from './results.ts';

const whole = (value: number): string => String(Math.round(value * 100)).replace('-', '−');
const percent = (value: number): string => `${whole(value)} %`;
const range = (low: number, high: number): string => `${whole(low)}–${whole(high)} %`;

/** What a task is about, in the middle of a sentence. */
const choiceOf: Readonly<Record<string, string>> = {
  gender: 'the choice between *she* and *he* after an occupation',
  agreement: 'the choice between a singular and a plural verb',
};

/** How much of a bias is gone, with the interval that follows from the bias after the edit (before held fixed). */
function cut(before: number, after: Estimate): { value: number; low: number; high: number } {
  const share = (bias: number) => 1 - bias / before;
  const ends = [share(after.low), share(after.high)];
  return { value: share(after.value), low: Math.min(...ends), high: Math.max(...ends) };
}

/** A stretch of the sentence; `page` is where its number comes from. `*word*` stands for emphasis. */
export interface SentencePart {
  readonly text: string;
  readonly page?: string;
}

/**
 * E.g. "In SmolLM2-135M, 180 nodes carry 62 % (54–69 %) of the choice between *she* and *he* after an occupation;
 * removing 6 features cuts the bias by 71 % (60–80 %) and costs 0.4 points of agreement accuracy." Parts without a
 * result are left out.
 */
export function sentenceParts(results: StudyResults): SentencePart[] {
  const { model } = results;
  if (!model) return [{ text: 'Nothing has been measured yet.' }];
  const name = model.name === 'smollm2-135m' ? 'SmolLM2-135M' : model.name;
  const clauses = [circuitClause(results) ?? featuresClause(results), editClause(results)].filter(
    (clause) => clause !== undefined,
  );
  if (clauses.length === 0) {
    return [{ text: name, page: '/model' }, { text: ' is open; its features are not learned yet.' }];
  }
  return [
    { text: 'In ' },
    { text: name, page: '/model' },
    { text: ', ' },
    ...clauses.flatMap((clause, i) => (i === 0 ? clause : [{ text: '; ' }, ...clause])),
    { text: '.' },
  ];
}

/** The sentence as plain text. */
export const plainSentence = (results: StudyResults): string =>
  sentenceParts(results)
    .map((part) => part.text)
    .join('');

function circuitClause({ circuits }: StudyResults): SentencePart[] | undefined {
  const circuit = circuits.find((one) => one.task === 'gender') ?? circuits.at(-1);
  if (!circuit) return undefined;
  const page = `/circuit/${encodeURIComponent(circuit.task)}`;
  const { value, low, high } = circuit.faithfulness;
  const nodes = circuit.curve[circuit.chosen]?.nodes ?? circuit.nodes.length;
  const about = choiceOf[circuit.task] ?? `the behaviour “${circuit.title}”`;
  return [
    { text: `${nodes} features and error nodes`, page },
    { text: ' carry ' },
    { text: `${percent(value)} (${range(low, high)})`, page },
    { text: ` of ${about} on held-out examples, a random circuit of equal size ` },
    { text: percent(circuit.random.value), page },
  ];
}

function featuresClause({ dictionaries }: StudyResults): SentencePart[] | undefined {
  if (dictionaries.length === 0) return undefined;
  const best = dictionaries.reduce((a, b) => (b.fve > a.fve ? b : a));
  const page = `/features/${encodeURIComponent(best.site)}`;
  return [
    { text: `${best.features.toLocaleString('en-US')} features`, page },
    { text: ' explain ' },
    { text: percent(best.fve), page },
    { text: ` of the state’s variance ${placeOf(best.site)}` },
  ];
}

/** "after block 11"; other sites by their own name. */
const placeOf = (site: string): string => {
  const block = /^blocks\.(\d+)\.hook_resid_post$/.exec(site)?.[1];
  return block === undefined ? `at ${site}` : `after block ${block}`;
};

function editClause({ edit }: StudyResults): SentencePart[] | undefined {
  const whole = edit?.rows.find((row) => row.method === 'features' && row.strength === 1);
  if (!edit || !whole) return undefined;
  const page = '/edit';
  const { value, low, high } = cut(whole.biasBefore, whole.biasAfter);
  const sign = value >= 0 ? 1 : -1;
  const random = edit.rows.find((row) => row.method === 'random' && row.strength === 1);
  const points = (whole.agreementBefore - whole.agreementAfter.value) * 100;
  const size =
    value >= 0 ? `${percent(value)} (${range(low, high)})` : `${percent(-value)} (${range(-high, -low)})`;
  // Without another task nothing was measured: JSON then holds null where TypeScript saw a number.
  const measured = whole.agreementAfter.n > 0 && Number.isFinite(whole.agreementAfter.value);
  const price: SentencePart[] = !measured
    ? []
    : Math.abs(points) < 0.05
      ? [{ text: ' and leaves ' }, { text: 'agreement accuracy', page }, { text: ' as it was' }]
      : [
          { text: points > 0 ? ' and costs ' : ' and gains ' },
          { text: `${Math.abs(points).toFixed(1)} points`, page },
          { text: ' of agreement accuracy' },
        ];
  return [
    { text: 'removing ' },
    { text: `${edit.features.length} features`, page },
    { text: value >= 0 ? ' cuts the bias by ' : ' raises the bias by ' },
    { text: size, page },
    ...(random
      ? [
          { text: ', as many random ones by ' },
          { text: percent(sign * cut(random.biasBefore, random.biasAfter).value), page },
        ]
      : []),
    ...price,
  ];
}
