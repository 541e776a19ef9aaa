/** @file Nouns for the agreement task: subjects, and things or places that stand between subject and verb. */

/** Singular and plural. */
export type Noun = readonly [singular: string, plural: string];

/** Plurals that are not the singular with an s. */
const irregular: Readonly<Record<string, string>> = {
  man: 'men',
  woman: 'women',
  child: 'children',
  coach: 'coaches',
  mouse: 'mice',
  wolf: 'wolves',
  box: 'boxes',
  bus: 'buses',
  knife: 'knives',
  church: 'churches',
  shelf: 'shelves',
};

const nouns = (words: string): readonly Noun[] =>
  words.split(/\s+/).map((word) => [word, irregular[word] ?? `${word}s`] as const);

/** What can be near something: people, animals, things one can move. */
export const subjectNouns = nouns(
  `boy girl man woman student teacher doctor lawyer farmer worker artist singer actor author writer poet painter
   king queen soldier officer guard driver pilot sailor player coach child friend parent neighbor customer
   manager engineer scientist dog cat horse bird cow lion wolf snake mouse spider key book picture cup plate box
   bag car boat truck flower chair lamp bottle letter map coin knife ship camera shirt hat shoe candle tiger
   bear rabbit brother sister judge guest visitor tourist`.trim(),
);

/** What something can be near: furniture, buildings, landscape. None is a subject too. */
export const placeNouns = nouns(
  `house tree table door window bridge tower road river mountain lake island garden field farm church school
   shop store bank hotel park wall fence gate cabinet shelf desk bed rock building statue museum station office
   market castle temple village forest barn`.trim(),
);

const things = new Set(
  `dog cat horse bird cow lion wolf snake mouse spider key book picture cup plate box bag car boat truck flower chair
   lamp bottle letter map coin knife ship camera shirt hat shoe candle tiger bear rabbit`.split(/\s+/),
);

/** Those subjects that are people: they can like, know and follow each other. */
export const peopleNouns: readonly Noun[] = subjectNouns.filter(([one]) => !things.has(one));
