/** @file Normalisers of tokenizer.json: text to text, before it is cut (Rust library `tokenizers`, normalizers/). */
import { byteAlphabet } from '../bytes.ts';
import { flag, type Part, partsOf, text, unknownPart } from './part.ts';
import { patternOf } from './pattern.ts';
import { precompiledMap } from './precompiled.ts';
import { laterControls, laterMarks, laterNonspacingMarks } from './unicode-ages.ts';

export type Normalise = (text: string) => string;

/** @throws TypeError, SyntaxError for a part that is not known or makes no sense */
export function normaliser(of: Part | null): Normalise {
  if (of === null) return (s) => s;
  switch (of.type) {
    case 'Sequence': {
      const steps = partsOf(of, 'normalizers').map(normaliser);
      return (s) => steps.reduce((done, step) => step(done), s);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = of.type;
      return (s) => s.normalize(form);
    }
    case 'Lowercase':
      return lowercase;
    case 'StripAccents':
      return (s) => s.replace(MARKS, '');
    case 'Strip':
      return stripped(flag(of, 'strip_left', true), flag(of, 'strip_right', true));
    case 'Prepend': {
      const front = text(of, 'prepend');
      return (s) => (s === '' ? s : front + s);
    }
    case 'Replace': {
      const pattern = patternOf(of.pattern);
      const content = text(of, 'content');
      return (s) => s.replace(pattern, () => content);
    }
    case 'ByteLevel': {
      const encoder = new TextEncoder();
      return (s) => Array.from(encoder.encode(s), (b) => byteAlphabet[b]).join('');
    }
    case 'BertNormalizer':
      return bert(of);
    case 'Precompiled':
      return precompiledMap(text(of, 'precompiled_charsmap'));
    default:
      throw unknownPart('normaliser', of);
  }
}

/** Character by character, as Rust does it: a sigma at the end of a word is one like any other. */
const lowercase: Normalise = (s) => {
  let out = '';
  for (const c of s) out += c.toLowerCase();
  return out;
};

const stripped =
  (left: boolean, right: boolean): Normalise =>
  (s) => {
    const rest = left ? s.replace(/^\p{White_Space}+/u, '') : s;
    return right ? rest.replace(/\p{White_Space}+$/u, '') : rest;
  };

/** Chinese characters as BERT counts them, with the gap that the Rust library has at U+2B820. */
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
const CONTROL = new RegExp(`[\\0\uFFFD]|(?![\\t\\n\\r${laterControls}])[\\p{Cc}\\p{Cf}\\p{Co}]`, 'gu');
const ACCENTS = new RegExp(`(?![${laterNonspacingMarks}])[\\p{Mn}\\u1734]`, 'gu');
const MARKS = new RegExp(`(?![${laterMarks}])[\\p{M}\\u1CF2\\u1CF3]`, 'gu');

function bert(of: Part): Normalise {
  const lower = flag(of, 'lowercase', true);
  const steps: Normalise[] = [];
  if (flag(of, 'clean_text', true))
    steps.push((s) => s.replace(CONTROL, '').replace(/\p{White_Space}/gu, ' '));
  if (flag(of, 'handle_chinese_chars', true)) steps.push((s) => s.replace(CHINESE, ' $& '));
  if (flag(of, 'strip_accents', lower)) steps.push((s) => s.normalize('NFD').replace(ACCENTS, ''));
  if (lower) steps.push(lowercase);
  return (s) => steps.reduce((done, step) => step(done), s);
}
