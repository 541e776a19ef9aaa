/**
 * @file Gendered words of English as data: what `swapGender` exchanges and `withoutGenderedTokens` deletes. Names stand in
 * first-names.json (scripts/first-names.ts).
 */
import { pronouns } from './gender.ts';

/** A pair in lower case, and whether it counts only with a capital (a Count is a man, to count is not). */
export interface WordPair {
  readonly female: string;
  readonly male: string;
  readonly rule: SwapRule;
  readonly capitalOnly: boolean;
}

export type SwapRule = 'pronoun' | 'noun' | 'title' | 'first name';
export const swapRules: readonly SwapRule[] = ['pronoun', 'noun', 'title', 'first name'];

const pairs = (rule: SwapRule, words: string, capitalOnly = false): WordPair[] =>
  words
    .trim()
    .split(/\s+/)
    .map((pair) => {
      const [female, male] = pair.split('/') as [string, string];
      return { female, male, rule, capitalOnly };
    });

/** One to one: exchanging twice gives back what was there. */
export const wordPairs: readonly WordPair[] = [
  ...pairs('pronoun', 'she/he herself/himself'),
  ...pairs(
    'noun',
    `woman/man women/men girl/boy girls/boys female/male females/males lady/gentleman ladies/gentlemen
    mother/father mothers/fathers motherhood/fatherhood mum/dad stepmother/stepfather grandmother/grandfather
    grandmothers/grandfathers godmother/godfather daughter/son daughters/sons granddaughter/grandson
    granddaughters/grandsons stepdaughter/stepson sister/brother sisters/brothers sisterhood/brotherhood
    stepsister/stepbrother wife/husband wives/husbands bride/bridegroom widow/widower aunt/uncle aunts/uncles
    niece/nephew nieces/nephews maternal/paternal feminine/masculine girlfriend/boyfriend girlfriends/boyfriends
    actress/actor actresses/actors heroine/hero heroines/heroes 
    waitress/waiter priestess/priest priestesses/priests nun/monk nuns/monks abbess/abbot
    goddess/god goddesses/gods witch/wizard sorceress/sorcerer 
    businesswoman/businessman businesswomen/businessmen stateswoman/statesman stateswomen/statesmen
    spokeswoman/spokesman chairwoman/chairman congresswoman/congressman noblewoman/nobleman noblewomen/noblemen
    sportswoman/sportsman sportswomen/sportsmen policewoman/policeman servicewoman/serviceman
    craftswoman/craftsman frontwoman/frontman horsewoman/horseman clergywoman/clergyman laywoman/layman
    countrywoman/countryman countrywomen/countrymen matriarch/patriarch soprano/tenor
    contralto/baritone ballerina/danseur`,
  ),
  ...pairs(
    'title',
    `queen/king queens/kings empress/emperor empresses/emperors princess/prince princesses/princes duchess/duke
    duchesses/dukes archduchess/archduke baroness/baron viscountess/viscount tsarina/tsar sultana/sultan
    maharani/maharaja mrs/mr madame/monsieur signora/signor senora/senor`,
  ),
  ...pairs('title', 'dame/sir lady/lord countess/count marchioness/marquess popess/pope', true),
];

/** Many to one: exchanged in this direction alone, and back they become the usual word. */
export const oneWayWords: readonly { readonly from: string; readonly to: string; readonly rule: SwapRule }[] =
  [
    { from: 'miss', to: 'mr', rule: 'title' },
    { from: 'ms', to: 'mr', rule: 'title' },
    { from: 'mistress', to: 'master', rule: 'title' },
    { from: 'madam', to: 'sir', rule: 'title' },
    { from: 'lord', to: 'lady', rule: 'noun' },
    { from: 'groom', to: 'bride', rule: 'noun' },
    { from: 'suffragette', to: 'suffragist', rule: 'noun' },
  ];

/**
 * "her" is "him" before a word that cannot begin a noun phrase behind a possessive, before a mark, and at the end; else
 * it is "his". "his" is "hers" before a mark and at the end, else "her".
 */
export const wordsAfterObject: ReadonlySet<string> = new Set(
  `to in on at of for from with by as and or but nor if when while after before because since until that which who whom
  where what how why than so then is was were are be been being had has have would could should will can may might must
  did does do not the a an this these those into onto upon over under through during about against between among across
  along toward towards within without out off up down away again also both there here throughout despite alongside
  it them him us me you she he they we its his their one such`.split(/\s+/),
);

/** Never touched, though they have gendered words in them. */
export const fixedPhrases: readonly string[] = [
  'Isle of Man',
  'Spider-Man',
  'Iron Man',
  "Man'yōshū",
  'Daughters of the American Revolution',
];

/** What the rules leave as it is, for reports. */
export const notSwapped: readonly string[] = [
  'names that are in no list, or in both (George, Jean); surnames; names of places, months and things but for a person’s own first name',
  'words inside of others: kingdom, mankind, fatherland, queenship; patronymics; gendered endings of other languages',
  'facts that follow from gender: votes, ordinations, armies, colleges for one gender, childbirth',
  'titles of works are swapped like any other text (The Old Man and the Sea), fixed phrases are not',
];

/** All pronouns of both genders. */
export const allPronouns: ReadonlySet<string> = new Set([...pronouns.female, ...pronouns.male]);
