/** @file The texts of a study in one list, each once, and where every row of every set finds its own. */
import { fieldWords } from '../../data/biographies/fields.ts';
import type { BiographySplit } from '../../data/biographies/split.ts';
import { withoutGenderedTokens } from '../../data/biographies/swap.ts';
import type { Biography } from '../../data/biographies/types.ts';

export const setNames = ['train', 'retain', 'auxiliary', 'balanced', 'oracleTrain'] as const;
export type SetName = (typeof setNames)[number];
/** Sets that are read again with gendered words deleted. */
export const deletedNames = ['train', 'balanced', 'oracleTrain'] as const;

/** One row of a set: its text's number, and what is known of it. */
export interface RowPlan {
  readonly text: number;
  readonly outcome: 0 | 1;
  readonly protected: 0 | 1;
  readonly swapped: 0 | 1;
  readonly id: string;
}

export interface TextPlan {
  readonly texts: readonly string[];
  readonly sets: Readonly<Record<SetName, readonly RowPlan[]>>;
  readonly deleted: Readonly<Record<(typeof deletedNames)[number], readonly RowPlan[]>>;
  readonly concepts: readonly { readonly name: string; readonly text: number }[];
  /** Men of the first field are trained on, women of the second. */
  readonly fields: readonly [string, string];
}

/** Fewer letters than this tell nothing of a person. */
const LEAST_TEXT = 60;

/**
 * What follows the first sentence, which names the field ("was a French physicist"): Bias in Bios leaves it out too (De-Arteaga
 * et al. 2019). Undefined where too little follows.
 */
export function withoutFirstSentence(text: string): string | undefined {
  const sentences = [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)];
  // A piece that ends in an initial, a year or an abbreviation, or opens a bracket that it does not close, is no whole sentence.
  let end = 0;
  for (const { segment, index } of sentences) {
    end = index + segment.length;
    const sofar = text.slice(0, end);
    const open = sofar.split('(').length > sofar.split(')').length;
    if (!open && !/(?:^|[\s(.])(?:\p{L}|c|ca|b|d|St|Dr|Mr|Mrs|Jr|Sr|vs|fl|r)\.\s*$/u.test(sofar)) break;
  }
  const rest = text.slice(end).trim();
  return rest.length >= LEAST_TEXT ? rest : undefined;
}

/** Words of each field that the concept bottleneck knows. */
const CONCEPTS = 10;

/** The plan of a split: texts that occur in several sets are read once. */
export function planTexts(split: BiographySplit): TextPlan {
  const numbers = new Map<string, number>();
  const numberOf = (text: string): number => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    numbers.set(text, numbers.size);
    return numbers.size - 1;
  };
  const rowsOf = (people: readonly Biography[], textOf: (b: Biography) => string): RowPlan[] =>
    people.map((person) => ({
      text: numberOf(textOf(person)),
      outcome: person.field === split.fields[1] ? 1 : 0,
      protected: person.gender === 'female' ? 1 : 0,
      swapped: person.natural ? 0 : 1,
      id: person.id,
    }));
  const all = <Name extends SetName>(names: readonly Name[], textOf: (b: Biography) => string) =>
    Object.fromEntries(names.map((name) => [name, rowsOf(split[name], textOf)])) as unknown as Record<
      Name,
      RowPlan[]
    >;
  const sets = all(setNames, (b) => b.text);
  const deleted = all(deletedNames, (b) => withoutGenderedTokens(b).text);
  const concepts = split.fields.flatMap((field) => {
    // Fields of other sources are professions: their name is the one word there is.
    const words = (fieldWords[field] ?? field.replaceAll('_', ' ')).split(fieldWords[field] ? /\s+/ : /$^/);
    return words.slice(0, CONCEPTS).map((name) => ({ name, text: numberOf(`The person is: ${name}`) }));
  });
  return { texts: [...numbers.keys()], sets, deleted, concepts, fields: split.fields };
}

/** People of every set, as the pool step left them. */
export interface PoolResult {
  readonly texts: number;
  readonly attribution: string;
  readonly source: string;
  readonly unclear: number;
  readonly cells: readonly {
    readonly side: string;
    readonly field: string;
    readonly gender: string;
    readonly natural: number;
    readonly swapped: number;
  }[];
}
