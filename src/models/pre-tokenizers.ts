/** @file How text is cut before bytes are merged, by the names that GGUF gives (llama.cpp, llama-vocab.cpp). */

export const byteLevel = (regex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: regex,
});

/** Cut by an expression, then bytes as characters. */
const cutBy = (expression: string) => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false },
    byteLevel(false),
  ],
});

const modern = (digits: string) =>
  cutBy(
    `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  );

const gpt2 = byteLevel(true);
const llama3 = modern('\\p{N}{1,3}');
export const qwen = modern('\\p{N}');

/** By `tokenizer.ggml.pre`. */
export const preTokenizers: Readonly<Record<string, unknown>> = {
  'gpt-2': gpt2,
  'phi-2': gpt2,
  mpt: gpt2,
  olmo: gpt2,
  'roberta-bpe': gpt2,
  smollm: {
    type: 'Sequence',
    pretokenizers: [{ type: 'Digits', individual_digits: true }, gpt2],
  },
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
  qwen2: qwen,
};
