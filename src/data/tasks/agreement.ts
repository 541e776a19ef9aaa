/** @file Subject–verb agreement across a prepositional phrase: the noun in between must not decide the verb. */
import { random } from '../../core/random.ts';
import type { ExampleText, Task, TextTokenizer } from '../examples.ts';
import { type Noun, placeNouns, subjectNouns } from '../nouns.ts';
import { distinct, equallyLong, positionLabels, promptOf, type Slot, split } from '../templates.ts';
import { assemble, pick, requireWords, type TaskOptions } from './make.ts';

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
