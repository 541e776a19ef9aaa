/** @file Which files of a repository make a model: safetensors first, then one GGUF, then ONNX; and only those needed. */
import { ModelError, nearestNames } from '../core/errors.ts';

/** The files of one model in a repository. */
export interface Choice {
  /** What is opened: '' for the folder itself, or a .gguf or .onnx file in it. */
  readonly entry: string;
  /** Needed files, in the order in which they are fetched. */
  readonly files: readonly string[];
}

/** Descriptions and tokenizers that any model may need; small. README.md carries the licence. */
const sidecars = new Set([
  'README.md',
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'tokenizer.model',
  'spiece.model',
  'preprocessor_config.json',
]);

const SAFETENSORS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Packings in order of preference: nearly lossless and small first. */
const packings = [
  'Q8_0',
  'F16',
  'BF16',
  'Q6_K',
  'Q5_K_M',
  'Q5_K_S',
  'Q5_1',
  'Q5_0',
  'Q4_K_M',
  'Q4_K_S',
  'Q4_1',
  'Q4_0',
  'F32',
];

/**
 * Chooses among the `names` of a repository. `wanted` is a file or a part of one's name. `shards` reads the index of
 * a model in many files and gives their names.
 * @throws ModelError `hub.no-model` (says what is there instead), `hub.no-choice` (names the nearest)
 */
export async function chooseFiles(
  names: readonly string[],
  wanted: string | undefined,
  shards: () => Promise<readonly string[]>,
  where: string,
): Promise<Choice> {
  const beside = names.filter((name) => sidecars.has(name));
  const entry = wanted === undefined ? preferred(names) : named(names, wanted, where);
  if (entry === undefined) throw nothingToOpen(names, where);
  if (entry.endsWith('.gguf')) return { entry, files: [...beside, entry] };
  if (entry.endsWith('.onnx')) {
    // External data lie beside the file under its name with another ending.
    const stem = entry.replace(/\.onnx$/, '');
    const data = names.filter(
      (name) => name.startsWith(stem) && /^(\.onnx)?[._]data/.test(name.slice(stem.length)),
    );
    return { entry, files: [...beside, ...data, entry] };
  }
  const weights = entry === INDEX ? [INDEX, ...(await shards())] : [SAFETENSORS];
  const absent = weights.find((name) => !names.includes(name));
  if (absent !== undefined) {
    throw new ModelError('hub.no-model', `${where} lacks ${absent}, which its index names`, {
      where,
      hint: 'the upload is incomplete: take another revision, or tell its authors',
    });
  }
  return { entry: '', files: [...beside, ...weights] };
}

function preferred(names: readonly string[]): string | undefined {
  if (names.includes('config.json')) {
    const weights = [SAFETENSORS, INDEX].find((name) => names.includes(name));
    if (weights) return weights;
  }
  const gguf = names.filter((name) => name.endsWith('.gguf') && !isPart(name));
  for (const packing of packings) {
    const one = gguf.find((name) => packingOf(name) === packing);
    if (one) return one;
  }
  if (gguf.length === 1) return gguf[0];
  const onnx = names.filter((name) => name.endsWith('.onnx'));
  return (
    ['onnx/model.onnx', 'model.onnx'].find((name) => onnx.includes(name)) ??
    (onnx.length === 1 ? onnx[0] : undefined)
  );
}

/** One of several pieces of a model, or the part of a vision model that looks at images. */
const isPart = (name: string): boolean => /-\d{5}-of-\d{5}|mmproj/.test(name);

/** `Q4_K_M` of `name.Q4_K_M.gguf` or `name-q4_k_m.gguf`. */
const packingOf = (name: string): string | undefined =>
  /[-._]((?:I?Q\d|B?F(?:16|32))[A-Z0-9_]*)\.gguf$/i.exec(name)?.[1]?.toUpperCase();

function named(names: readonly string[], wanted: string, where: string): string {
  const open = names.filter((name) => /\.(gguf|onnx)$/.test(name) || name === SAFETENSORS || name === INDEX);
  const exact = open.find((name) => name === wanted || packingOf(name) === wanted.toUpperCase());
  const holding = open.filter((name) => name.toLowerCase().includes(wanted.toLowerCase()) && !isPart(name));
  if (exact !== undefined) return exact;
  if (holding.length === 1) return holding[0]!;
  const near = holding.length > 1 ? holding.slice(0, 5) : nearestNames(wanted, open, 5);
  throw new ModelError(
    'hub.no-choice',
    holding.length > 1
      ? `several files of ${where} match "${wanted}"`
      : `${where} has no model file "${wanted}"`,
    { where, hint: near.length > 0 ? `it has ${near.join(', ')}` : 'it has no file that is read' },
  );
}

function nothingToOpen(names: readonly string[], where: string): ModelError {
  const ggufs = names.filter((name) => name.endsWith('.gguf') || name.endsWith('.onnx'));
  const pickled = names.filter((name) => /\.(bin|pt|pth|ckpt|h5|msgpack)$/.test(name));
  const [what, hint] =
    ggufs.length > 0
      ? [
          `several, none of which is the obvious one: ${ggufs.slice(0, 6).join(', ')}`,
          `name one behind a colon: ${where}:${ggufs[0]}`,
        ]
      : pickled.length > 0
        ? [
            `only ${pickled.slice(0, 3).join(', ')}, which would run code to be read`,
            'load it with transformers and save it again: model.save_pretrained(folder) writes safetensors; give that folder',
          ]
        : [
            names.slice(0, 5).join(', ') || 'nothing',
            'it should have config.json with model.safetensors, a .gguf or a .onnx file',
          ];
  return new ModelError('hub.no-model', `${where} holds no model that can be opened: it has ${what}`, {
    where,
    hint,
  });
}
