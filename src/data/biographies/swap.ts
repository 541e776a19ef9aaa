/** @file The counterfactual of a biography, the other gender by rules of words and names, and the text without such words. */
import { type FirstNames, firstNames } from './first-names.ts';
import {
  allPronouns,
  fixedPhrases,
  oneWayWords,
  type SwapRule,
  swapRules,
  type WordPair,
  wordPairs,
  wordsAfterObject,
} from './swap-words.ts';
import type { Biography } from './types.ts';

/** How many words each rule changed. */
export type SwapCounts = Readonly<Record<SwapRule, number>>;

/**
 * The same person with the other gender: pronouns, gendered nouns, titles and first names exchanged, of everybody in
 * the text. Swapping twice gives the original back wherever the one-to-one rules alone acted; `her` and the one-way
 * words may come back as others (docs/data.md has the share).
 */
export function swapGender(biography: Biography): {
  readonly biography: Biography;
  readonly changes: SwapCounts;
} {
  const own = ownNames(biography.name);
  const { text, changes } = rewrite(biography.text, own, (word) => word.other);
  const name = rewrite(biography.name, own, (word) => word.other).text;
  const description = rewrite(biography.description, own, (word) => word.other).text;
  const gender = biography.gender === 'female' ? 'male' : 'female';
  return {
    biography: { ...biography, name, text, description, gender, natural: !biography.natural },
    changes,
  };
}

/** The text with every word deleted that `swapGender` would exchange. */
export function withoutGenderedTokens(biography: Biography): {
  readonly text: string;
  readonly changes: SwapCounts;
} {
  const { text, changes } = rewrite(biography.text, ownNames(biography.name), () => '');
  const tidy = text
    .replace(/ +([,.;:!?)])/g, '$1')
    .replace(/\( +/g, '(')
    .replace(/ {2,}/g, ' ')
    .replace(/^[ ,]+/gm, '');
  return { text: tidy.trim(), changes };
}

/** A word that a rule acts on, and what it would become. */
interface Gendered {
  readonly rule: SwapRule;
  readonly other: string;
}

interface Token {
  readonly word: string;
  readonly from: number;
  readonly to: number;
}

/** Given names of a name: all but the last word, or its only one. */
function ownNames(name: string): ReadonlySet<string> {
  const words = tokensOf(name.replace(/[,(].*/s, '')).map(({ word }) => word);
  return new Set(words.length > 1 ? words.slice(0, -1) : words);
}

const tokensOf = (text: string): Token[] =>
  [...text.matchAll(/\p{L}[\p{L}\p{M}]*/gu)].map(({ 0: word, index }) => ({
    ...{ word, from: index, to: index + word.length },
  }));

function rewrite(
  text: string,
  own: ReadonlySet<string>,
  replacement: (word: Gendered) => string,
): { text: string; changes: SwapCounts } {
  const changes = Object.fromEntries(swapRules.map((rule) => [rule, 0])) as Record<SwapRule, number>;
  const tokens = tokensOf(text);
  const fixed = fixedPhrases.flatMap((phrase) =>
    [...text.matchAll(new RegExp(phrase, 'g'))].map(({ index }) => [index, index + phrase.length] as const),
  );
  let out = '';
  let at = 0;
  tokens.forEach((token, i) => {
    if (fixed.some(([from, to]) => token.from >= from && token.to <= to)) return;
    const gendered = genderedWord(text, tokens, i, own);
    if (!gendered) return;
    changes[gendered.rule]++;
    out += text.slice(at, token.from) + replacement(gendered);
    at = token.to;
  });
  return { text: out + text.slice(at), changes };
}

const lookUp = (pairs: readonly WordPair[]) =>
  pairs.flatMap(({ female, male, rule }) => [
    [female, { rule, other: male }] as const,
    [male, { rule, other: female }] as const,
  ]);

/** What a word becomes; a pair goes before a one-way word. */
const words: ReadonlyMap<string, Gendered> = new Map([
  ...oneWayWords.map(({ from, to, rule }) => [from, { rule, other: to }] as const),
  ...lookUp(wordPairs.filter(({ capitalOnly }) => !capitalOnly)),
]);
/** What it becomes with a capital, where that is another (a Count, a Lady). */
const capitalWords: ReadonlyMap<string, Gendered> = new Map(
  lookUp(wordPairs.filter(({ capitalOnly }) => capitalOnly)),
);

function genderedWord(
  text: string,
  tokens: readonly Token[],
  i: number,
  own: ReadonlySet<string>,
): Gendered | undefined {
  const { word } = tokens[i]!;
  const lower = word.toLowerCase();
  if (allPronouns.has(lower)) {
    const other = words.get(lower)?.other ?? otherPronoun(lower, behind(text, tokens, i));
    return { rule: 'pronoun', other: likeCase(word, other) };
  }
  const name = otherName(text, tokens, i, own);
  if (name !== undefined) return { rule: 'first name', other: name };
  const known = (isCapital(word) ? capitalWords.get(lower) : undefined) ?? words.get(lower);
  if (!known || isSurname(text, tokens, i)) return undefined;
  return { rule: known.rule, other: likeCase(word, known.other) };
}

/** What follows a word: the next word in lower case, or undefined where a mark or the end comes first. */
function behind(text: string, tokens: readonly Token[], i: number): string | undefined {
  const next = tokens[i + 1];
  if (!next) return undefined;
  const between = text.slice(tokens[i]!.to, next.from);
  // An opening quotation mark or bracket, and figures ("his 1905 paper"), go on with the noun phrase.
  return /^[\s"“‘'(\d-]*$/.test(between) ? next.word.toLowerCase() : undefined;
}

/** The pronouns that are not one to one: her, hers, him, his. */
function otherPronoun(pronoun: string, next: string | undefined): string {
  if (pronoun === 'him') return 'her';
  if (pronoun === 'hers') return 'his';
  if (pronoun === 'his') return next === undefined ? 'hers' : 'her';
  return next === undefined || wordsAfterObject.has(next) ? 'him' : 'his';
}

function otherName(
  text: string,
  tokens: readonly Token[],
  i: number,
  own: ReadonlySet<string>,
): string | undefined {
  const { word } = tokens[i]!;
  const { anywhere, ownNameOnly }: FirstNames = firstNames;
  const other = anywhere.get(word) ?? ownNameOnly.get(word);
  if (other === undefined) return undefined;
  if (own.has(word)) return other;
  return anywhere.has(word) && !isSurname(text, tokens, i) ? other : undefined;
}

/**
 * Whether a word with a capital is the end of a name (James in Henry James, King in Stephen King): a first name or an
 * initial is before it and no further word with a capital behind it.
 */
function isSurname(text: string, tokens: readonly Token[], i: number): boolean {
  const { word, from, to } = tokens[i]!;
  const before = tokens[i - 1];
  if (!before || !isCapital(word) || !isCapital(before.word)) return false;
  const initial = before.word.length === 1 && text.slice(before.to, from) === '. ';
  const joined = text.slice(before.to, from) === ' ' || initial;
  const given = initial || firstNames.anywhere.has(before.word) || firstNames.ownNameOnly.has(before.word);
  const next = tokens[i + 1];
  const goesOn = next && text.slice(to, next.from) === ' ' && isCapital(next.word);
  return joined && given && !goesOn;
}

const isCapital = (word: string): boolean => /^\p{Lu}/u.test(word);

/** `word` with capitals as `like` has them. */
function likeCase(like: string, word: string): string {
  if (like.length > 1 && like === like.toUpperCase()) return word.toUpperCase();
  return isCapital(like) ? word[0]!.toUpperCase() + word.slice(1) : word;
}
