/** @file Regular expressions of tokenizer.json (Oniguruma, Rust's regex) as JavaScript's, and splitting by them. */

/** Scripts that Oniguruma names without `Script=`. */
const scripts =
  'Han|Hiragana|Katakana|Hangul|Thai|Lao|Khmer|Myanmar|Latin|Greek|Cyrillic|Arabic|Hebrew|Devanagari';

/** What the other engines mean by a word character (UTS #18, annex C). */
export const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/** The letters that are one when case is ignored. */
function anyCase(letter: string): string {
  const alike = new Set([letter, letter.toLowerCase(), letter.toUpperCase()]);
  if (alike.has('s')) alike.add('ſ');
  if (alike.has('k')) alike.add('\u212a');
  return alike.size === 1 ? letter : [...alike].filter((c) => [...c].length === 1).join('');
}

/**
 * The same expression for JavaScript. White space is Unicode's (JavaScript counts U+FEFF and not U+0085), letters in
 * `(?i:…)` stand for both cases, possessive quantifiers lose their mark, needless escapes go.
 * @throws SyntaxError for what JavaScript cannot say
 */
export function compilePattern(source: string): RegExp {
  let out = '';
  let inClass = false;
  /** Depths of parentheses at which case began to be ignored. */
  const ignoring: number[] = [];
  let depth = 0;
  for (let i = 0; i < source.length; ) {
    const rest = source.slice(i);
    const known =
      /^\\(?:[pP]\{([^}]*)\}|x\{([0-9a-fA-F]+)\}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\s\S])/u.exec(
        rest,
      );
    if (known) {
      out += escaped(known, inClass);
      i += known[0].length;
      continue;
    }
    const character = String.fromCodePoint(source.codePointAt(i)!);
    i += character.length;
    if (inClass) {
      if (character === ']') inClass = false;
      out +=
        character === '['
          ? '\\['
          : ignoring.length > 0 && /\p{L}/u.test(character)
            ? anyCase(character)
            : character;
    } else if (character === '[') {
      inClass = true;
      out += '[';
      if (source[i] === '^') {
        out += '^';
        i++;
      }
    } else if (character === '(') {
      depth++;
      if (rest.startsWith('(?i:')) {
        ignoring.push(depth);
        out += '(?:';
        i += 3;
      } else out += '(';
    } else if (character === ')') {
      if (ignoring.at(-1) === depth) ignoring.pop();
      depth--;
      out += ')';
    } else if (character === '+' && /[*+?}]$/.test(out) && !/\\[*+?}]$/.test(out) && !out.endsWith('\\}')) {
      // possessive: `?+`, `*+`, `++`; a property's brace is no quantifier
      if (/\\[pP]\{[^}]*\}$/.test(out)) out += '+';
    } else if (ignoring.length > 0 && /\p{L}/u.test(character)) {
      const both = anyCase(character);
      out += both === character ? character : `[${both}]`;
    } else out += character;
  }
  return new RegExp(out, 'gu');
}

/** One escape as JavaScript has it. */
function escaped(match: RegExpExecArray, inClass: boolean): string {
  const [whole, property, code] = match;
  if (code !== undefined) return `\\u{${code}}`;
  if (property !== undefined) {
    const negated = property.startsWith('^');
    const plain = property.replace(/^\^?(Is)?/, '');
    const name = new RegExp(`^(${scripts})$`).test(plain) ? `Script=${plain}` : plain;
    return `\\${negated || whole[1] === 'P' ? 'P' : 'p'}{${name}}`;
  }
  const letter = whole[1]!;
  if (whole.length > 2 && letter !== 'p' && letter !== 'P') return whole;
  switch (letter) {
    case 's':
      return '\\p{White_Space}';
    case 'S':
      return '\\P{White_Space}';
    case 'd':
      return '\\p{Nd}';
    case 'D':
      return '\\P{Nd}';
    case 'w':
      return inClass ? WORD : `[${WORD}]`;
    case 'W':
      return `[^${WORD}]`;
    case 'A':
      return '^';
    case 'z':
    case 'Z':
      return '$';
  }
  if (/[a-zA-Z0-9]/.test(letter)) return whole;
  if (/[\^$\\.*+?()[\]{}|/]/.test(letter) || (inClass && letter === '-')) return whole;
  return letter;
}

/** A piece of text, and whether the pattern matched it. */
interface Found {
  readonly text: string;
  readonly matched: boolean;
}

function* find(text: string, pattern: RegExp): Generator<Found> {
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === '') continue;
    if (match.index > end) yield { text: text.slice(end, match.index), matched: false };
    yield { text: match[0], matched: true };
    end = match.index + match[0].length;
  }
  if (end < text.length) yield { text: text.slice(end), matched: false };
}

export const behaviours = [
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
] as const;
export type Behaviour = (typeof behaviours)[number];

/** Cuts `text` at the matches of `pattern` (at what lies between when inverted); what becomes of them says `behaviour`. */
export function split(text: string, pattern: RegExp, behaviour: Behaviour, inverted = false): string[] {
  const found = [...find(text, pattern)].map((f) => (inverted ? { ...f, matched: !f.matched } : f));
  switch (behaviour) {
    case 'Removed':
      return found.filter((f) => !f.matched).map((f) => f.text);
    case 'Isolated':
      return found.map((f) => f.text);
    case 'Contiguous':
      return merged(found, (f, before) => f.matched === before.matched, false);
    case 'MergedWithPrevious':
      return merged(found, (f, before) => f.matched && !before.matched, false);
    case 'MergedWithNext':
      return merged([...found].reverse(), (f, before) => f.matched && !before.matched, true).reverse();
  }
}

/** Joins each piece to the one before it where `joins` says so. */
function merged(
  found: readonly Found[],
  joins: (f: Found, before: Found) => boolean,
  backwards: boolean,
): string[] {
  const out: string[] = [];
  let before: Found | undefined;
  for (const f of found) {
    if (before && joins(f, before)) {
      const last = out.pop()!;
      out.push(backwards ? f.text + last : last + f.text);
    } else out.push(f.text);
    before = f;
  }
  return out;
}

/** A literal text as a pattern. */
export const literal = (text: string): RegExp =>
  new RegExp(text.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&'), 'gu');

/** The `pattern` field of tokenizer.json: `{String}` or `{Regex}`. */
export function patternOf(pattern: unknown): RegExp {
  if (typeof pattern === 'string') return literal(pattern);
  if (typeof pattern === 'object' && pattern !== null) {
    if ('String' in pattern && typeof pattern.String === 'string') return literal(pattern.String);
    if ('Regex' in pattern && typeof pattern.Regex === 'string') return compilePattern(pattern.Regex);
  }
  throw new SyntaxError('a pattern must be a String or a Regex');
}
