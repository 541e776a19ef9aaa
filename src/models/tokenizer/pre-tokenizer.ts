/** @file Pre-tokenizers of tokenizer.json: text into pieces that are never merged with each other (Rust library `tokenizers`, pre_tokenizers/). */
import { byteAlphabet } from '../bytes.ts';
import { flag, type Part, partsOf, text, unknownPart } from './part.ts';
import { type Behaviour, behaviours, compilePattern, patternOf, split } from './pattern.ts';
import { laterPunctuation } from './unicode-ages.ts';

/** Cuts a piece; `first` is whether it begins the text. */
export type Cut = (piece: string, first: boolean) => readonly string[];

/** GPT-2's cut (Radford et al. 2019, encoder.py). */
const GPT2 = compilePattern(
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
);
const SPACE = /\p{White_Space}/gu;
const PUNCTUATION = new RegExp(`(?![${laterPunctuation}])[!-/:-@[-\`{-~\\p{P}\\u166D\\u{111C9}]`, 'gu');

/** @throws TypeError, SyntaxError for a part that is not known or makes no sense */
export function preTokenizer(of: Part | null): Cut {
  if (of === null) return (piece) => [piece];
  switch (of.type) {
    case 'Sequence': {
      const cuts = partsOf(of, 'pretokenizers').map(preTokenizer);
      return (piece, first) =>
        cuts.reduce<readonly string[]>(
          (pieces, cut) => pieces.flatMap((p, i) => (p === '' ? [] : cut(p, first && i === 0))),
          [piece],
        );
    }
    case 'ByteLevel':
      return byteLevel(of);
    case 'Split': {
      const pattern = patternOf(of.pattern);
      const behaviour = behaviourOf(of);
      const inverted = flag(of, 'invert', false);
      return (piece) => split(piece, pattern, behaviour, inverted);
    }
    case 'Digits': {
      const single = flag(of, 'individual_digits', false);
      return (piece) => split(piece, /\p{N}/gu, single ? 'Isolated' : 'Contiguous');
    }
    case 'Metaspace':
      return metaspace(of);
    case 'Whitespace': {
      const pattern = compilePattern('\\w+|[^\\w\\s]+');
      return (piece) => split(piece, pattern, 'Removed', true);
    }
    case 'WhitespaceSplit':
      return (piece) => split(piece, SPACE, 'Removed');
    case 'BertPreTokenizer':
      return (piece) => split(piece, SPACE, 'Removed').flatMap((p) => split(p, PUNCTUATION, 'Isolated'));
    case 'Punctuation': {
      const behaviour = behaviourOf(of);
      return (piece) => split(piece, PUNCTUATION, behaviour);
    }
    case 'CharDelimiterSplit': {
      const pattern = patternOf(text(of, 'delimiter'));
      return (piece) => split(piece, pattern, 'Removed');
    }
    default:
      throw unknownPart('pre-tokenizer', of);
  }
}

function behaviourOf(of: Part): Behaviour {
  const name = of.behavior ?? 'Isolated';
  const found = behaviours.find((b) => b === name);
  if (!found) throw new TypeError(`${of.type} has the unknown behaviour ${JSON.stringify(name)}`);
  return found;
}

/** Bytes as characters, cut by GPT-2's pattern unless something else has cut before. */
function byteLevel(of: Part): Cut {
  const prefix = flag(of, 'add_prefix_space', true);
  const cuts = flag(of, 'use_regex', true);
  const encoder = new TextEncoder();
  const asBytes = (piece: string): string => {
    if (/^[!-~]*$/.test(piece)) return piece;
    let out = '';
    for (const byte of encoder.encode(piece)) out += byteAlphabet[byte]!;
    return out;
  };
  return (piece) => {
    const whole = prefix && !piece.startsWith(' ') ? ` ${piece}` : piece;
    return (cuts ? split(whole, GPT2, 'Isolated') : [whole]).map(asBytes);
  };
}

/** Sentencepiece's ▁ for spaces, one in front of the text, and cuts before each. */
function metaspace(of: Part): Cut {
  const mark = text(of, 'replacement');
  const old = flag(of, 'add_prefix_space', true) ? 'always' : 'never';
  const scheme = typeof of.prepend_scheme === 'string' ? of.prepend_scheme : old;
  const cuts = flag(of, 'split', true);
  const pattern = patternOf(mark);
  return (piece, first) => {
    const marked = piece.replaceAll(' ', mark);
    const wants = scheme === 'always' || (scheme === 'first' && first);
    const whole = wants && !marked.startsWith(mark) ? mark + marked : marked;
    return cuts ? split(whole, pattern, 'MergedWithNext') : [whole];
  };
}
