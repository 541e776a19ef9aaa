/** @file First names that one usually hears of one gender, and the tasks made of them: who is given something, she or he. */
import type { Random } from '../../core/random.ts';
import type { Task, TextTokenizer } from '../examples.ts';
import { equallyLong, type Slot, split } from '../templates.ts';
import { fromTemplate, isOneToken, pick, type TaskOptions } from './make.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const womensNames =
  words(`Mary Sarah Anna Elizabeth Jane Emma Alice Lisa Laura Maria Julia Susan Emily Linda
  Karen Helen Margaret Kate Anne Jessica Rachel Amy Rebecca Nancy Barbara Ruth Catherine Michelle Jennifer Lucy`);

export const mensNames =
  words(`John David Michael James Robert William Peter Paul Thomas Daniel George Henry Charles
  Jack Tom Adam Simon Frank Martin Kevin Brian Eric Jason Andrew Edward Richard Joseph Arthur Stephen Philip`);

/** Names that are one token, dealt into two splits. */
const dealt = (tokenizer: TextTokenizer, names: readonly string[], chance: Random) =>
  split(
    names.filter((name) => isOneToken(tokenizer, name)),
    0.6,
    chance,
  );

const places = words('store park school office beach station market museum library hotel garden hospital');
const objects = words('drink book ring ball letter key gift ticket picture phone bag flower');

/**
 * Indirect object identification: "When Mary and John went to the store, John gave a drink to" → " Mary", not " John".
 * The patch has the other giver, so that the other name is right. No name is in both splits; either name may stand
 * first. Template after Wang et al. (ICLR 2023).
 * @throws DataError as `fromTemplate`
 */
export function indirectObjectTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  const common = {
    places: equallyLong(tokenizer, places, (word) => [word]),
    objects: equallyLong(tokenizer, objects, (word) => [word]),
  };
  return fromTemplate(tokenizer, options, {
    name: 'indirect-object',
    title: 'Indirect object identification',
    question: 'Who is given something: the person named once, not the giver?',
    words: (chance) => {
      const [a, b] = dealt(tokenizer, [...womensNames, ...mensNames], chance);
      return [
        { names: a, ...common },
        { names: b, ...common },
      ];
    },
    draw({ names, places, objects }, i, chance) {
      const first = names[i % names.length]!;
      const second = pick(
        names.filter((name) => name !== first),
        chance,
      );
      const place = pick(places, chance);
      const object = pick(objects, chance);
      // The giver is the first name in half of the pairs.
      const firstGives = (i + Math.floor(i / names.length)) % 2 === 1;
      const [giver, taker] = firstGives ? [first, second] : [second, first];
      const slots = (who: string): Slot[] => [
        ['When', 'When'],
        ['first name', first],
        ['and', 'and'],
        ['second name', second],
        ['went', 'went'],
        ['to', 'to'],
        ['the', 'the'],
        ['place', place],
        ['comma', ',', ''],
        ['giver', who],
        ['gave', 'gave'],
        ['a', 'a'],
        ['object', object],
        ['to (last)', 'to'],
      ];
      return {
        clean: slots(giver),
        patch: slots(taker),
        answer: ` ${taker}`,
        wrong: ` ${giver}`,
        labels: { giver, taker, order: firstGives ? 'giver first' : 'taker first', place, object },
      };
    },
  });
}

const adjectives = words('good great nice kind smart funny strong young');
const nouns = words('friend person teacher student writer dancer doctor singer neighbor driver');

/**
 * "So Mary is such a good friend, isn't" → " she", not " he"; the patch has a man's name. Half of the pairs start from a
 * woman's. No name is in both splits. Template after Mathwin et al. (2023).
 * @throws DataError as `fromTemplate`
 */
export function pronounTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  const common = {
    adjectives: equallyLong(tokenizer, adjectives, (word) => [word]),
    nouns: equallyLong(tokenizer, nouns, (word) => [word]),
  };
  return fromTemplate(tokenizer, options, {
    name: 'pronoun',
    title: 'She or he after a name',
    question: 'Does the pronoun follow the gender that a first name usually has?',
    words: (chance) => {
      const [women, women2] = dealt(tokenizer, womensNames, chance);
      const [men, men2] = dealt(tokenizer, mensNames, chance);
      return [
        { women, men, ...common },
        { women: women2, men: men2, ...common },
      ];
    },
    draw({ women, men, adjectives, nouns }, i, chance) {
      const woman = women[i % women.length]!;
      const man = men[(i + Math.floor(i / women.length)) % men.length]!;
      const she = i % 2 === 0;
      const adjective = pick(adjectives, chance);
      const noun = pick(nouns, chance);
      const slots = (name: string): Slot[] => [
        ['So', 'So'],
        ['name', name],
        ['is', 'is'],
        ['such', 'such'],
        ['a', 'a'],
        ['adjective', adjective],
        ['noun', noun],
        ['comma', ',', ''],
        ["isn't", "isn't"],
      ];
      return {
        clean: slots(she ? woman : man),
        patch: slots(she ? man : woman),
        answer: she ? ' she' : ' he',
        wrong: she ? ' he' : ' she',
        labels: { name: she ? woman : man, gender: she ? 'woman' : 'man', noun },
      };
    },
  });
}
