/** @file Docstring-like induction: the next parameter is the next argument. Template after Heimersheim & Janiak (2023). */
import type { Task, TextTokenizer } from '../examples.ts';
import { equallyLong, type Slot, split } from '../templates.ts';
import { fromTemplate, isOneToken, type TaskOptions } from './make.ts';

const argumentNames = `load size file last path mode key value name type index count data text line page node
  root level group user order price date time color shape width height speed state action target source model
  result option event message number label
  image table field query token`
  .trim()
  .split(/\s+/);

const functionNames = ['port', 'run', 'make', 'find', 'check', 'send', 'read', 'open'];
const describing =
  `oil town unit dark house water tree stone river paper light glass field summer winter garden
  road metal bread horse`
    .trim()
    .split(/\s+/);

/**
 * `def port(self, load, size, file, last): … :param load: oil town … :param size: unit dark … :param` → " file", not the
 * argument that stands there in the patch. No argument is in both splits; the descriptions mean nothing.
 * @throws DataError as `fromTemplate`
 */
export function docstringTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  const common = {
    functions: equallyLong(tokenizer, functionNames, (word) => [word]),
    // One of them stands right after the quotes, without a space.
    describing: describing.filter(
      (word) => isOneToken(tokenizer, word) && tokenizer.encode(word).length === 1,
    ),
  };
  return fromTemplate(tokenizer, options, {
    name: 'docstring',
    title: 'Docstring induction',
    question: 'Does a docstring go on with the argument that comes next?',
    words: (chance) => {
      const [a, b] = split(
        argumentNames.filter((word) => isOneToken(tokenizer, word)),
        0.6,
        chance,
      );
      return [
        { names: a, ...common },
        { names: b, ...common },
      ];
    },
    draw({ names, functions, describing }, i, chance) {
      const [a, b, c, d, other] = chance.shuffle(names) as [string, string, string, string, string];
      const [w1, w2, w3, w4, w5, w6] = chance.shuffle(describing) as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      const slots = (third: string): Slot[] => [
        ['def', 'def'],
        ['function', functions[i % functions.length]!],
        ['(self', '(self', ''],
        ['comma', ',', ''],
        ['argument 1', a],
        ['comma', ',', ''],
        ['argument 2', b],
        ['comma', ',', ''],
        ['argument 3', third],
        ['comma', ',', ''],
        ['argument 4', d],
        ['open', '):\n    """', ''],
        ['summary', w1, ''],
        ['summary', w2],
        [':param', '\n\n    :param', ''],
        ['parameter 1', a],
        ['colon', ':', ''],
        ['words 1', `${w3} ${w4}`],
        [':param', '\n    :param', ''],
        ['parameter 2', b],
        ['colon', ':', ''],
        ['words 2', `${w5} ${w6}`],
        [':param (last)', '\n    :param', ''],
      ];
      return {
        clean: slots(c),
        patch: slots(other),
        answer: ` ${c}`,
        wrong: ` ${other}`,
        labels: { argument: c, other, function: functions[i % functions.length]! },
      };
    },
  });
}
