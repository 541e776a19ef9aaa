/** @file Greater-than: a war that began in 1762 ends in a later decade. Template after Hanna, Liu & Variengien (NeurIPS 2023). */
import type { Task, TextTokenizer } from '../examples.ts';
import { equallyLong, type Slot, split } from '../templates.ts';
import { fromTemplate, pick, type TaskOptions } from './make.ts';

const events =
  `war project trial siege mission dispute plan journey study campaign marriage voyage strike reign
  conflict tour program debate search construction`
    .trim()
    .split(/\s+/);

const centuries = ['11', '12', '13', '14', '15', '16', '17', '18'];

/**
 * "The war lasted from the year 1762 to the year 17" → "8", not "4". The patch begins in an early decade (1702), so that
 * both answers are possible there. Where the tokenizer takes the two last digits of a year as one token, answers are two
 * digits ("85", "45"). The clean decade is 3 … 7, the right one later, the wrong one earlier but later than the
 * patch's (0 … 1). No event is in both splits.
 * @throws DataError as `fromTemplate`
 */
export function greaterThanTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  const [last, whole] = ['The year 17', 'The year 1785'].map((text) => tokenizer.encode(text));
  const wide = whole!.length === last!.length + 1;
  const unit = wide ? '5' : '';
  return fromTemplate(tokenizer, options, {
    name: 'greater-than',
    title: 'Greater than',
    question: 'Does a year that ends something come after the year in which it began?',
    words: (chance) => {
      const [a, b] = split(
        equallyLong(tokenizer, events, (word) => [word]),
        0.6,
        chance,
      );
      return [
        { events: a, centuries },
        { events: b, centuries },
      ];
    },
    draw({ events, centuries }, i, chance) {
      const event = events[i % events.length]!;
      const century = pick(centuries, chance);
      const decade = 3 + chance.integer(5);
      const early = chance.integer(2);
      const year = chance.integer(8) + 1;
      const right = decade + 1 + chance.integer(9 - decade);
      const wrong = early + 1 + chance.integer(decade - early - 1);
      const slots = (begun: number): Slot[] => [
        ['The', 'The'],
        ['event', event],
        ['lasted', 'lasted'],
        ['from', 'from'],
        ['the', 'the'],
        ['year', 'year'],
        ['begun', `${century}${begun}${year}`],
        ['to', 'to'],
        ['the', 'the'],
        ['year', 'year'],
        ['century', century],
      ];
      return {
        clean: slots(decade),
        patch: slots(early),
        answer: `${right}${unit}`,
        wrong: `${wrong}${unit}`,
        labels: {
          event,
          begun: `${century}${decade}${year}`,
          decade: String(decade),
          distance: String(decade - wrong),
        },
      };
    },
  });
}
