/** @file The model card of models/tiny, from the figures of its training. */
import type { HeldOut } from '../src/networks/bits.ts';
import type { LanguageRecipe } from '../src/networks/recipe.ts';

export interface TinyFigures {
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number };
  readonly threads: number;
  readonly recipe: LanguageRecipe;
  readonly parameters: number;
  readonly trainTokens: number;
  readonly tokensSeen: number;
  readonly seconds: number;
  readonly heldOut: HeldOut;
}

const millions = (n: number) => `${(n / 1e6).toFixed(2)} million`;

/** README.md of the model. */
export function modelCard(figures: TinyFigures, attributions: readonly string[]): string {
  const { recipe, heldOut, machine } = figures;
  const { shape } = recipe;
  const bits = heldOut.bitsPerByte;
  return `# tiny: a small language model of our own

A Llama of ${millions(figures.parameters)} parameters, trained by Untangle itself: the network is an ONNX graph, its gradient a rewrite of that
graph, onnxruntime runs both (\`npm run train:tiny\`). It writes the English of presidents and whalers, and little sense.
It is here so that tests have a network that has learned something, and so that \`untangle demo\` works without a
network connection. It is no model to build on.

| | |
|---|---|
| layers, width, heads, width of the MLP | ${shape.layers}, ${shape.width}, ${shape.heads}, ${shape.mlpWidth} |
| vocabulary | ${shape.vocabulary} tokens, byte-level BPE learned from the training text (start token, 256 bytes, merges inside words, single digits) |
| context | ${shape.context} tokens |
| weights | float16, embedding and unembedding are one table |
| text | ${millions(figures.trainTokens)} tokens; ${Math.round(100 * recipe.heldOutShare)} % of the text by whole documents held out (\`held-out.jsonl\`) |
| training | ${recipe.steps} steps of ${recipe.batch} × ${recipe.length} tokens (${millions(figures.tokensSeen)} tokens), AdamW, rate ${recipe.rate} with warm-up and a cosine, gradients clipped to norm ${recipe.clip}, seed ${recipe.seed} |
| time | ${Math.round(figures.seconds / 60)} min with ${figures.threads} threads on ${machine.cores} cores shared with other work (${machine.cpu}; ${figures.date}) |

## How good it is

Bits per byte of held-out text, over the same ${heldOut.tokens} tokens (${heldOut.bytes} bytes); lower is better.

| | bits per byte |
|---|---|
| unigram model | ${bits.unigram.toFixed(3)} |
| trigram model | ${bits.trigram.toFixed(3)} |
| **tiny** | **${bits.model.toFixed(3)}** |

The n-gram models are counted on the same training tokens, with modified Kneser–Ney smoothing down to the uniform
distribution; they see the true tokens before each one, while tiny starts anew every ${recipe.length} tokens.

![Cross-entropy while it was trained, on training and on held-out text](loss.svg)

All figures, the recipe and the curve: \`training.json\`.

## What it was trained on

${attributions.map((attribution) => `- ${attribution}`).join('\n')}

The speeches hold the views of their time, the novel those of its characters; the model repeats both.
The weights are Apache-2.0 like the rest of this repository.
`;
}
