/** @file Decoders of tokenizer.json: tokens back to text (Rust library `tokenizers`, decoders/). */
import { bytesOfToken } from '../bytes.ts';
import { flag, type Part, partsOf, text, unknownPart } from './part.ts';
import { patternOf } from './pattern.ts';

export type Decode = (tokens: readonly string[]) => readonly string[];

/** @throws TypeError, SyntaxError for a part that is not known or makes no sense */
export function decoder(of: Part): Decode {
  switch (of.type) {
    case 'Sequence': {
      const steps = partsOf(of, 'decoders').map(decoder);
      return (tokens) => steps.reduce<readonly string[]>((done, step) => step(done), tokens);
    }
    case 'ByteLevel':
      return byteLevel;
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Replace': {
      const pattern = patternOf(of.pattern);
      const content = text(of, 'content');
      return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
    }
    case 'Strip': {
      const [content, start, stop] = [text(of, 'content'), Number(of.start ?? 0), Number(of.stop ?? 0)];
      return (tokens) => tokens.map((token) => strip(token, content, start, stop));
    }
    case 'Metaspace': {
      const mark = text(of, 'replacement');
      const keeps = of.prepend_scheme === 'never' || of.add_prefix_space === false;
      return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && !keeps ? '' : ' '));
    }
    case 'WordPiece':
      return wordPiece(text(of, 'prefix'), flag(of, 'cleanup', true));
    case 'BPEDecoder': {
      const suffix = text(of, 'suffix');
      return (tokens) =>
        tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '));
    }
    default:
      throw unknownPart('decoder', of);
  }
}

const byteLevel: Decode = (tokens) => {
  const encoder = new TextEncoder();
  const bytes = tokens.map((token) => bytesOfToken(token) ?? encoder.encode(token));
  return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(bytes))];
};

/** `<0xE2>` and the like back to characters; bytes that are none become U+FFFD, one each. */
const byteFallback: Decode = (tokens) => {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      const whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
      out.push(whole.decode(Uint8Array.from(bytes)));
    } catch {
      out.push(...bytes.map(() => '\uFFFD'));
    }
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
};

function strip(token: string, content: string, start: number, stop: number): string {
  let rest = token;
  for (let i = 0; i < start && rest.startsWith(content); i++) rest = rest.slice(content.length);
  for (let i = 0; i < stop && rest.endsWith(content); i++) rest = rest.slice(0, rest.length - content.length);
  return rest;
}

/** English spacing that WordPiece lost. */
const tidy = (token: string): string =>
  [' .', ' ?', ' !', ' ,', " n't", " 'm", " 's", " 've", " 're"]
    .reduce((t, mark) => t.replaceAll(mark, mark.slice(1)), token)
    .replaceAll(" ' ", "'")
    .replaceAll(' do not', " don't");

const wordPiece =
  (prefix: string, cleanup: boolean): Decode =>
  (tokens) =>
    tokens.map((token, i) => {
      const joined = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? tidy(joined) : joined;
    });
