/** @file Added tokens: found in the text before anything else, the longest at each place (Rust library `tokenizers`, added_vocabulary.rs). */
import { z } from 'zod';
import { WORD } from './pattern.ts';

export const addedToken = z.looseObject({
  id: z.number().int().nonnegative(),
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().optional(),
  special: z.boolean().default(false),
});
export type AddedToken = z.infer<typeof addedToken>;

/** A stretch of text, or a token that was found. */
export type Stretch = { readonly text: string; readonly first: boolean } | { readonly id: number };

/** Cuts a text at the tokens whose written forms are the keys of `tokens`. */
export function finder(tokens: ReadonlyMap<string, AddedToken>): (text: string, first: boolean) => Stretch[] {
  const written = [...tokens.keys()].filter((key) => key !== '').sort((a, b) => b.length - a.length);
  if (written.length === 0) return (text, first) => [{ text, first }];
  const escapeAll = (key: string) => key.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&');
  const pattern = new RegExp(written.map(escapeAll).join('|'), 'gu');
  const wordBefore = new RegExp(`[${WORD}]$`, 'u');
  const wordAfter = new RegExp(`^[${WORD}]`, 'u');
  return (text, first) => {
    const out: Stretch[] = [];
    let done = 0;
    const rest = (until: number) => {
      if (done < until) out.push({ text: text.slice(done, until), first: first && done === 0 });
    };
    for (const match of text.matchAll(pattern)) {
      const token = tokens.get(match[0])!;
      let start = match.index;
      let end = start + match[0].length;
      if (token.single_word && (wordBefore.test(text.slice(0, start)) || wordAfter.test(text.slice(end))))
        continue;
      if (token.lstrip) start = Math.max(done, text.slice(0, start).replace(/\p{White_Space}+$/u, '').length);
      if (token.rstrip) end += /^\p{White_Space}*/u.exec(text.slice(end))![0].length;
      rest(start);
      out.push({ id: token.id });
      done = end;
    }
    rest(text.length);
    return out;
  };
}
