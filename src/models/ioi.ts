/** @file Twenty indirect-object prompts (Wang et al. 2022, arXiv:2211.00593, ABB form): who gets the thing? */
import { random } from '../core/random.ts';

export interface IoiPrompt {
  readonly prompt: string;
  /** The indirect object, which should get the larger logit, with its leading space. */
  readonly answer: string;
  /** The subject, named twice. */
  readonly wrong: string;
}

const people = ['Mary', 'John', 'Alice', 'Bob', 'Sarah', 'Tom', 'Anna', 'James', 'Kate', 'Paul'];
const places = ['store', 'park', 'school', 'office', 'garden'];
const things = ['drink', 'book', 'ball', 'letter', 'ring'];

/** The prompt whose P(" Mary") is reported. */
export const canonicalPrompt: IoiPrompt = {
  prompt: 'When Mary and John went to the store, John gave a drink to',
  answer: ' Mary',
  wrong: ' John',
};

/** The canonical prompt and 19 others, always the same. */
export function ioiPrompts(): IoiPrompt[] {
  const stream = random(20);
  const others = Array.from({ length: 19 }, (_, i): IoiPrompt => {
    const [object, subject] = stream.shuffle(people) as [string, string];
    const place = places[i % places.length]!;
    const thing = things[(2 * i) % things.length]!;
    return {
      prompt: `When ${object} and ${subject} went to the ${place}, ${subject} gave a ${thing} to`,
      answer: ` ${object}`,
      wrong: ` ${subject}`,
    };
  });
  return [canonicalPrompt, ...others];
}
