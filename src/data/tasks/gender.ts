/** @file She or he after an occupation: a stereotype, not a fact of the prompt. */
import { random } from '../../core/random.ts';
import { type ExampleText, encodePrompt, type Task, type TextTokenizer } from '../examples.ts';
import { type Occupation, occupations, occupationsAttribution } from '../occupations.ts';
import { distinct, equallyLong, positionLabels, promptOf, type Slot } from '../templates.ts';
import { assemble, pick, requireWords, type TaskOptions } from './make.ts';

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
