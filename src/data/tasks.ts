/** @file The built-in tasks: subject–verb agreement, and the pronoun that follows an occupation. */
import { DataError } from '../core/errors.ts';
import { type Random, random } from '../core/random.ts';
import {
  commonLength,
  type Example,
  type ExampleText,
  encodePrompt,
  type Task,
  type TextTokenizer,
  tokenizeExample,
} from './examples.ts';
import { type Noun, placeNouns, subjectNouns } from './nouns.ts';
import { type Occupation, occupations, occupationsAttribution } from './occupations.ts';
import { distinct, equallyLong, positionLabels, promptOf, type Slot, split } from './templates.ts';

export type { Example, Task, TextTokenizer } from './examples.ts';
export type { Occupation } from './occupations.ts';

export interface TaskOptions {
  /** How many training and held-out examples. */
  readonly train: number;
  readonly heldOut: number;
  readonly seed: number;
}

const prepositions = ['near', 'behind', 'beside'];

/**
 * Subject–verb agreement: "The keys near the cabinet" → " are", not " is". Clean and patch differ only in the
 * subject's number; half of the pairs start from a plural; the noun in between is singular or plural at random.
 * No noun, subject or in between, is in both splits. Template after Linzen, Dupoux & Goldberg (TACL 2016) and
 * the nounpp set of BIG-bench; the sentences are ours.
 * @throws DataError `task.too-few-examples`, `task.unequal-length`, `task.answer-tokens`
 */
export function agreementTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  const chance = random(options.seed).fork('agreement');
  const fitting = (nouns: readonly Noun[]) => equallyLong(tokenizer, nouns, (noun) => noun);
  const subjects = split(fitting(subjectNouns), 0.6, chance);
  const places = split(fitting(placeNouns), 0.6, chance);
  const between = equallyLong(tokenizer, prepositions, (preposition) => [preposition]);
  const slots = (subject: string, preposition: string, place: string): Slot[] => [
    ['The', 'The'],
    ['subject', subject],
    ['preposition', preposition],
    ['the', 'the'],
    ['noun between', place],
  ];
  const make = (part: 0 | 1, count: number): ExampleText[] => {
    requireWords(subjects[part], places[part], 'agreement');
    return distinct(
      count,
      (e) => e.clean,
      (i) => {
        const subject = subjects[part][i % subjects[part].length]!;
        // Changes direction every round as well, so that each subject comes in both.
        const plural = (i + Math.floor(i / subjects[part].length)) % 2;
        const preposition = pick(between, chance);
        const placeNumber = chance.integer(2);
        const place = pick(places[part], chance)[placeNumber]!;
        return {
          clean: promptOf(slots(subject[plural]!, preposition, place)),
          patch: promptOf(slots(subject[1 - plural]!, preposition, place)),
          answer: plural ? ' are' : ' is',
          wrong: plural ? ' is' : ' are',
          labels: {
            subject: subject[plural]!,
            number: plural ? 'plural' : 'singular',
            preposition,
            between: place,
            betweenNumber: placeNumber ? 'plural' : 'singular',
          },
        };
      },
      'agreement',
    );
  };
  const noun = (nouns: readonly Noun[]) => fitting(nouns)[0]?.[0] ?? '';
  return assemble(tokenizer, {
    name: 'agreement',
    title: 'Subject–verb agreement',
    question: 'Does the verb agree with its subject when another noun stands between them?',
    positions: positionLabels(tokenizer, slots(noun(subjectNouns), between[0] ?? '', noun(placeNouns))),
    train: make(0, options.train),
    heldOut: make(1, options.heldOut),
  });
}

/** What happened to the person; each is followed by a pronoun. */
const reasons = [
  'was tired because',
  'was late because',
  'was busy because',
  'was sick because',
  'was alone because',
  'was hungry because',
  'was happy because',
  'was ready because',
  'was late when',
  'was asked if',
  'went home because',
  'stayed home because',
  'left early because',
  'was crying because',
];

const genderSlots = (occupation: string, reason: string): Slot[] => {
  const [first, second, third] = reason.split(' ');
  return [
    ['The', 'The'],
    ['occupation', occupation],
    ['verb', first!],
    ['predicate', second!],
    ['conjunction', third!],
  ];
};

/** A task with the occupations behind it, so that a bias can be plotted against the real share of women. */
export interface GenderTask extends Task {
  readonly occupations: readonly GenderOccupation[];
}

export interface GenderOccupation extends Occupation {
  /** `left-out`: takes another number of tokens than most, so it is in no pair; its prompts can still be run. */
  readonly split: 'train' | 'held-out' | 'left-out';
  /** One prompt per reason. Lengths differ between occupations only for `left-out` ones. */
  readonly prompts: readonly (readonly number[])[];
}

/**
 * "The nurse was tired because" → " she", not " he". Clean: an occupation in which most are women; patch: one in
 * which most are men. Occupations alternate between the splits in the order of their share, so that both cover
 * the whole range and share none.
 * @throws DataError `task.too-few-examples`, `task.unequal-length`, `task.answer-tokens`
 */
export function genderTask(tokenizer: TextTokenizer, options: TaskOptions): GenderTask {
  const chance = random(options.seed).fork('gender');
  const fitting = equallyLong(tokenizer, occupations, (o) => [o.name]);
  const phrases = equallyLong(tokenizer, reasons, (reason) => [reason]);
  const women = fitting.filter((o) => o.percentWomen >= 50);
  const men = fitting.filter((o) => o.percentWomen < 50);
  const half = <T>(items: readonly T[], part: number) => items.filter((_, i) => i % 2 === part);
  const make = (part: 0 | 1, count: number): ExampleText[] => {
    const [clean, patch] = [half(women, part), half(men, part)];
    requireWords(clean, patch, 'gender');
    return distinct(
      count,
      (e) => e.clean + e.patch,
      (i) => {
        const her = clean[i % clean.length]!;
        const him = pick(patch, chance);
        const reason = pick(phrases, chance);
        return {
          clean: promptOf(genderSlots(her.name, reason)),
          patch: promptOf(genderSlots(him.name, reason)),
          answer: ' she',
          wrong: ' he',
          labels: {
            occupation: her.name,
            percentWomen: String(her.percentWomen),
            patchOccupation: him.name,
            patchPercentWomen: String(him.percentWomen),
            reason,
          },
        };
      },
      'gender',
    );
  };
  const splitOf = (o: Occupation): GenderOccupation['split'] => {
    const side = women.includes(o) ? women : men;
    const at = side.indexOf(o);
    return at < 0 ? 'left-out' : at % 2 === 0 ? 'train' : 'held-out';
  };
  const task = assemble(tokenizer, {
    name: 'gender',
    title: 'She or he after an occupation',
    question: 'Does the pronoun follow the share of women in an occupation?',
    positions: positionLabels(tokenizer, genderSlots(fitting[0]?.name ?? '', phrases[0] ?? '')),
    train: make(0, options.train),
    heldOut: make(1, options.heldOut),
    attribution: occupationsAttribution,
  });
  return {
    ...task,
    occupations: occupations.map((o) => ({
      ...o,
      split: splitOf(o),
      prompts: phrases.map((reason) => encodePrompt(tokenizer, promptOf(genderSlots(o.name, reason)))),
    })),
  };
}

interface TaskTexts extends Omit<Task, 'train' | 'heldOut' | 'metric'> {
  readonly train: readonly ExampleText[];
  readonly heldOut: readonly ExampleText[];
}

/** Tokenizes and checks the examples of both splits. */
function assemble(tokenizer: TextTokenizer, texts: TaskTexts): Task {
  const encode = (examples: readonly ExampleText[], part: string): Example[] =>
    examples.map((example, i) =>
      tokenizeExample(tokenizer, example, `${texts.name}, ${part} example ${i + 1}`),
    );
  const train = encode(texts.train, 'training');
  const heldOut = encode(texts.heldOut, 'held-out');
  commonLength([...train, ...heldOut], texts.name);
  return { ...texts, metric: 'logit-difference', train, heldOut };
}

const pick = <T>(items: readonly T[], chance: Random): T => items[chance.integer(items.length)]!;

function requireWords(a: readonly unknown[], b: readonly unknown[], task: string): void {
  if (a.length > 0 && b.length > 0) return;
  throw new DataError(
    'task.too-few-examples',
    `${task}: no words of equal length are left for one of the splits`,
    {
      where: task,
      hint: 'this tokenizer cuts nearly all of the words differently: write a task file with its own examples',
    },
  );
}
