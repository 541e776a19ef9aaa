/** @file The rule that tells a person's gender: the pronouns of the text, by majority; none, or as many of both, is unclear. */
import type { Gender } from './types.ts';

/** Pronouns by gender, in lower case. */
export const pronouns: Readonly<Record<Gender, readonly string[]>> = {
  female: ['she', 'her', 'hers', 'herself'],
  male: ['he', 'him', 'his', 'himself'],
};

/** The gender that has more pronouns in `text`; undefined when neither has. */
export function genderOf(text: string): Gender | undefined {
  let balance = 0;
  for (const [word] of text.toLowerCase().matchAll(/\p{L}+/gu)) {
    if (pronouns.female.includes(word)) balance++;
    else if (pronouns.male.includes(word)) balance--;
  }
  return balance > 0 ? 'female' : balance < 0 ? 'male' : undefined;
}
