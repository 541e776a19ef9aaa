/** @file Text cut into windows of equal length, training and held-out ones from different documents. */
import { DataError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { tensor } from '../core/tensor.ts';
import { openSafetensors, writeSafetensors } from '../files/safetensors.ts';
import type { TextDocument } from './document.ts';
import type { TextTokenizer } from './examples.ts';

/** `length` tokens of running text. A window may go over from one document to the next. */
export interface Window {
  readonly tokens: Int32Array;
  /** Of each token: the index of its document in the corpus. */
  readonly documents: Int32Array;
}

export interface WindowOptions {
  /** Tokens per window. */
  readonly length: number;
  readonly trainTokens: number;
  readonly heldOutTokens: number;
  readonly seed: number;
}

export interface WindowSplit {
  readonly train: readonly Window[];
  readonly heldOut: readonly Window[];
}

/**
 * Documents in random order, some for the held-out side and the others for training: none gives to both. Inside
 * a side they are joined without a separator and cut into windows; a start token of the model, if it has one,
 * opens every window. Where the text is too short for what is asked, both sides shrink alike.
 * @throws DataError `text.too-short` when not even one window each comes out
 */
export function makeWindows(
  documents: readonly TextDocument[],
  tokenizer: TextTokenizer,
  { length, trainTokens, heldOutTokens, seed }: WindowOptions,
): WindowSplit {
  const few = [trainTokens, heldOutTokens].find((tokens) => tokens > 0 && tokens < length);
  if (few !== undefined)
    throw new DataError('text.too-short', `${few} tokens do not fill one window of ${length}`, {
      where: 'text',
      hint: 'ask for more tokens of training and of held-out text, or for a smaller window length',
    });
  const asked = trainTokens + heldOutTokens;
  const order = random(seed).fork('windows').permutation(documents.length);
  const encoded: { document: number; ids: number[] }[] = [];
  let available = 0;
  let longest = 0;
  for (const document of order) {
    // One document more than asked, since the held-out side ends within one and drops the rest of it.
    const before = available;
    const ids = tokenizer.encode(documents[document]!.text);
    encoded.push({ document, ids });
    available += ids.length;
    longest = Math.max(longest, ids.length);
    if (before >= asked + longest) break;
  }
  const share = Math.min(1, available / asked);
  const heldOutWanted = Math.floor(heldOutTokens * share);
  let cut = 0;
  for (let tokens = 0; cut < encoded.length && tokens < heldOutWanted; cut++)
    tokens += encoded[cut]!.ids.length;
  const side = (part: typeof encoded, tokens: number): Window[] =>
    windowsOf(part, length, Math.floor(tokens / length), tokenizer.bos);
  const heldOut = side(encoded.slice(0, cut), heldOutTokens);
  const train = side(encoded.slice(cut), trainTokens);
  const missing = train.length === 0 ? trainTokens : heldOut.length === 0 ? heldOutTokens : 0;
  if (missing > 0) {
    throw new DataError(
      'text.too-short',
      `${documents.length} documents with ${available} tokens are too short for windows of ${length} tokens to train on and others to test on`,
      {
        where: 'text',
        hint: 'give more text, or several documents (held-out windows never come from a document of training), or a smaller window length',
      },
    );
  }
  return { train, heldOut };
}

function windowsOf(
  encoded: readonly { document: number; ids: number[] }[],
  length: number,
  most: number,
  bos: number | undefined,
): Window[] {
  const start = bos === undefined ? 0 : 1;
  const windows: Window[] = [];
  let tokens = new Int32Array(length);
  let documents = new Int32Array(length);
  let filled = start;
  for (const { document, ids } of encoded) {
    for (const id of ids) {
      if (windows.length === most) return windows;
      tokens[filled] = id;
      documents[filled] = document;
      if (++filled < length) continue;
      if (bos !== undefined) {
        tokens[0] = bos;
        documents[0] = documents[1] ?? document;
      }
      windows.push({ tokens, documents });
      tokens = new Int32Array(length);
      documents = new Int32Array(length);
      filled = start;
    }
  }
  return windows;
}

/** Windows with the titles of their documents, as a step leaves them on disk. */
export interface StoredWindows extends WindowSplit {
  /** Title of each document, by its index; '' for those that no window uses. */
  readonly titles: readonly string[];
}

/** Writes windows and titles to one safetensors file. */
export async function saveWindows(path: string, { train, heldOut, titles }: StoredWindows): Promise<void> {
  const side = (windows: readonly Window[], key: 'tokens' | 'documents') => {
    const length = windows[0]?.[key].length ?? 0;
    const all = new Int32Array(windows.length * length);
    windows.forEach((window, i) => {
      all.set(window[key], i * length);
    });
    return tensor('int32', [windows.length, length], all);
  };
  const used = new Set([...train, ...heldOut].flatMap((w) => [...w.documents]));
  const kept = titles.map((title, i) => (used.has(i) ? title : ''));
  await writeSafetensors(
    path,
    {
      train_tokens: side(train, 'tokens'),
      train_documents: side(train, 'documents'),
      held_out_tokens: side(heldOut, 'tokens'),
      held_out_documents: side(heldOut, 'documents'),
    },
    { titles: JSON.stringify(kept) },
  );
}

/** Reads what saveWindows wrote. */
export async function loadWindows(path: string): Promise<StoredWindows> {
  const file = await openSafetensors(path);
  try {
    const side = (name: 'train' | 'held_out'): Window[] => {
      const tokens = file.read(`${name}_tokens`);
      const documents = file.read(`${name}_documents`);
      const [count, length] = tokens.shape as [number, number];
      return Array.from({ length: count }, (_, i) => ({
        tokens: (tokens.data as Int32Array).slice(i * length, (i + 1) * length),
        documents: (documents.data as Int32Array).slice(i * length, (i + 1) * length),
      }));
    };
    const titles = JSON.parse(file.metadata.titles ?? '[]') as string[];
    return { train: side('train'), heldOut: side('held_out'), titles };
  } finally {
    file.close();
  }
}
