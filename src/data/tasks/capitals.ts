/** @file Country → capital: facts, not grammar. */
import type { Task, TextTokenizer } from '../examples.ts';
import { equallyLong, type Slot, split } from '../templates.ts';
import { fromTemplate, isOneToken, pick, type TaskOptions } from './make.ts';

const table = `France Paris, Italy Rome, Germany Berlin, Spain Madrid, Russia Moscow, Japan Tokyo, China Beijing,
  England London, Egypt Cairo, Greece Athens, Austria Vienna, Poland Warsaw, Ireland Dublin, Portugal Lisbon,
  Cuba Havana, Iran Tehran, Iraq Baghdad, Turkey Ankara, Canada Ottawa, Norway Oslo, Sweden Stockholm,
  Finland Helsinki, Denmark Copenhagen, Hungary Budapest, Belgium Brussels, Switzerland Bern, Thailand Bangkok,
  Vietnam Hanoi, Kenya Nairobi, Peru Lima, Chile Santiago, Syria Damascus, Lebanon Beirut, Afghanistan Kabul,
  Pakistan Islamabad, Indonesia Jakarta, Romania Bucharest, Bulgaria Sofia, Serbia Belgrade, Scotland Edinburgh,
  Venezuela Caracas, Nepal Kathmandu, Libya Tripoli, Jordan Amman, Ukraine Kyiv, Ghana Accra, Uganda Kampala,
  Australia Canberra, Qatar Doha`;

/** Countries (one word each) with their capitals (one word each), as of 2026. */
export const capitals: readonly (readonly [country: string, capital: string])[] = table
  .split(',')
  .map((pair) => pair.trim().split(' ') as [string, string]);

/**
 * "The capital of France is the city of" → " Paris", not " Rome"; the patch asks for Italy. No country is in both splits.
 * Countries whose name takes another number of tokens than most, or whose capital takes more than one, are left out.
 * @throws DataError as `fromTemplate`
 */
export function capitalsTask(tokenizer: TextTokenizer, options: TaskOptions): Task {
  return fromTemplate(tokenizer, options, {
    name: 'capitals',
    title: 'Country and capital',
    question: 'Does the model know which city is the capital of a country?',
    words: (chance) => {
      const fitting = equallyLong(
        tokenizer,
        capitals.filter(([, capital]) => isOneToken(tokenizer, capital)),
        ([country]) => [country],
      );
      const [a, b] = split(fitting, 0.6, chance);
      return [{ countries: a }, { countries: b }];
    },
    draw({ countries }, i, chance) {
      const [country, capital] = countries[i % countries.length]!;
      const [other, otherCapital] = pick(
        countries.filter((pair) => pair[0] !== country),
        chance,
      );
      const slots = (name: string): Slot[] => [
        ['The', 'The'],
        ['capital', 'capital'],
        ['of', 'of'],
        ['country', name],
        ['is', 'is'],
        ['the', 'the'],
        ['city', 'city'],
        ['of (last)', 'of'],
      ];
      return {
        clean: slots(country),
        patch: slots(other),
        answer: ` ${capital}`,
        wrong: ` ${otherCapital}`,
        labels: { country, other },
      };
    },
  });
}
