/**
 * @file Subject–verb agreement in three more constructions: next to the verb, within and across a relative clause.
 * Constructions after Finlayson et al. (ACL 2021) as in Marks et al. (2024, §4); the sentences are ours.
 */
import type { Task, TextTokenizer } from '../examples.ts';
import { type Noun, peopleNouns, subjectNouns } from '../nouns.ts';
import { equallyLong, type Slot, split } from '../templates.ts';
import { fromTemplate, isOneToken, pick, type TaskOptions } from './make.ts';

type Verb = readonly [singular: string, plural: string];

/** What people do to each other; none calls for another kind of object. */
const transitive: readonly Verb[] =
  `like know see love want need help follow watch hear trust admire avoid remember
  visit blame thank support hate meet`
    .split(/\s+/)
    .map((verb) => [`${verb}s`, verb] as const);

/** Words that say nothing about number. */
const openers = ['The', 'My', 'Your', 'Our', 'Her', 'His', 'Their'];

const fittingNouns = (tokenizer: TextTokenizer, nouns: readonly Noun[]) =>
  equallyLong(tokenizer, nouns, (noun) => noun);

const fittingVerbs = (tokenizer: TextTokenizer) =>
  transitive.filter((verb) => verb.every((form) => isOneToken(tokenizer, form)));

/** Changes direction every round of the words as well, so that each word comes in both numbers. */
const pluralTurn = (i: number, words: number): 0 | 1 => ((i + Math.floor(i / words)) % 2) as 0 | 1;

const numberName = (plural: number): string => (plural ? 'plural' : 'singular');

/**
 * "The keys" → " are", not " is". No noun is in both splits.
 * @throws DataError as `fromTemplate`
 */
export function simpleAgreementTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  const starts = openers.filter((word) => tokenizer.encode(word).length === 1);
  return fromTemplate(tokenizer, options, {
    name: 'agreement-simple',
    title: 'Subject–verb agreement, side by side',
    question: 'Does the verb agree with the subject right before it?',
    words: (chance) => {
      const [a, b] = split(fittingNouns(tokenizer, subjectNouns), 0.6, chance);
      return [
        { subjects: a, starts },
        { subjects: b, starts },
      ];
    },
    draw({ subjects, starts }, i, chance) {
      const subject = subjects[i % subjects.length]!;
      const plural = pluralTurn(i, subjects.length);
      const start = pick(starts, chance);
      const slots = (noun: string): Slot[] => [
        ['opener', start],
        ['subject', noun],
      ];
      return {
        clean: slots(subject[plural]!),
        patch: slots(subject[1 - plural]!),
        answer: plural ? ' are' : ' is',
        wrong: plural ? ' is' : ' are',
        labels: { subject: subject[plural]!, number: numberName(plural) },
      };
    },
  });
}

const peopleAndVerbs = (tokenizer: TextTokenizer) => (chance: Parameters<typeof pick>[1]) => {
  const [a, b] = split(fittingNouns(tokenizer, peopleNouns), 0.6, chance);
  const verbs = fittingVerbs(tokenizer);
  return [
    { people: a, verbs },
    { people: b, verbs },
  ] as const;
};

/** Two different people of a split: the subject takes its turn, the other is drawn. */
function twoPeople(people: readonly Noun[], i: number, chance: Parameters<typeof pick>[1]) {
  const subject = people[i % people.length]!;
  const others = people.filter((noun) => noun !== subject);
  return { subject, other: pick(others.length > 0 ? others : people, chance) };
}

/**
 * "The athlete that the managers" → " like", not " likes": the verb of the relative clause agrees with the noun next
 * to it, not with the one before. No noun is in both splits; the verb is one of 20 at random.
 * @throws DataError as `fromTemplate`
 */
export function withinClauseTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  return fromTemplate(tokenizer, options, {
    name: 'agreement-within-rc',
    title: 'Agreement within a relative clause',
    question: 'Does the verb of a relative clause agree with the subject of the clause?',
    words: peopleAndVerbs(tokenizer),
    draw({ people, verbs }, i, chance) {
      const { subject, other } = twoPeople(people, i, chance);
      const plural = pluralTurn(i, people.length);
      const outer = chance.integer(2);
      const verb = pick(verbs, chance);
      const slots = (noun: string): Slot[] => [
        ['The', 'The'],
        ['outer noun', other[outer]!],
        ['that', 'that'],
        ['the', 'the'],
        ['subject', noun],
      ];
      return {
        clean: slots(subject[plural]!),
        patch: slots(subject[1 - plural]!),
        answer: ` ${verb[plural]}`,
        wrong: ` ${verb[1 - plural]}`,
        labels: {
          subject: subject[plural]!,
          number: numberName(plural),
          outer: other[outer]!,
          outerNumber: numberName(outer),
          verb: verb[1],
        },
      };
    },
  });
}

/**
 * "The athletes that the manager likes" → " are", not " is": the verb agrees with the subject across the relative clause.
 * No noun is in both splits; the noun of the clause is singular or plural at random.
 * @throws DataError as `fromTemplate`
 */
export function acrossClauseTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  return fromTemplate(tokenizer, options, {
    name: 'agreement-across-rc',
    title: 'Agreement across a relative clause',
    question: 'Does the verb agree with its subject when a relative clause stands between them?',
    words: peopleAndVerbs(tokenizer),
    draw({ people, verbs }, i, chance) {
      const { subject, other } = twoPeople(people, i, chance);
      const plural = pluralTurn(i, people.length);
      const inner = chance.integer(2);
      const verb = pick(verbs, chance);
      const slots = (noun: string): Slot[] => [
        ['The', 'The'],
        ['subject', noun],
        ['that', 'that'],
        ['the', 'the'],
        ['inner noun', other[inner]!],
        ['inner verb', verb[inner]!],
      ];
      return {
        clean: slots(subject[plural]!),
        patch: slots(subject[1 - plural]!),
        answer: plural ? ' are' : ' is',
        wrong: plural ? ' is' : ' are',
        labels: {
          subject: subject[plural]!,
          number: numberName(plural),
          inner: other[inner]!,
          innerNumber: numberName(inner),
          verb: verb[1],
        },
      };
    },
  });
}
