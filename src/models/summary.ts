/** @file A model at a glance: what it is, how many indirect-object prompts it gets right, what it says to a few prompts. */
import { canonicalPrompt, ioiPrompts } from './ioi.ts';
import { likeliest, openPredictor } from './predict.ts';
import type { Model } from './types.ts';

/** The opened model and what it answers to a few prompts. */
export interface ModelSummary {
  readonly name: string;
  readonly source: string;
  /** What must be said wherever results are shown, e.g. that it is a 4-bit instruct model. */
  readonly note: string;
  readonly parameters: number;
  readonly layers: number;
  readonly width: number;
  readonly vocabulary: number;
  /** Indirect-object prompts answered rightly, and P(" Mary") after the canonical one. */
  readonly logits: { readonly ioiCorrect: number; readonly of: number; readonly pMary: number };
  readonly examples: readonly {
    readonly prompt: string;
    readonly tokens: readonly { readonly text: string; readonly probability: number }[];
  }[];
}

/** Prompts whose next-token probabilities are shown first. */
const examplePrompts = [
  'The capital of France is',
  canonicalPrompt.prompt,
  'The nurse was tired because',
  'The keys to the cabinet',
] as const;

/** Asks the model. Names are compared by their first token. */
export async function summariseModel(
  model: Model,
  options: { readonly threads: number; readonly signal?: AbortSignal },
): Promise<ModelSummary> {
  const { tokenizer, shape } = model;
  const first = (text: string) => tokenizer.encode(text)[0]!;
  const ioi = ioiPrompts();
  const predictor = await openPredictor(model, options);
  try {
    const answers = await predictor.logProbabilities(ioi.map(({ prompt }) => prompt));
    const examples = await predictor.logProbabilities(examplePrompts);
    return {
      name: model.name,
      source: model.source,
      note: model.note,
      parameters: model.parameters,
      layers: shape.layers,
      width: shape.width,
      vocabulary: shape.vocabulary,
      logits: {
        ioiCorrect: ioi.filter(
          ({ answer, wrong }, i) => answers[i]![first(answer)]! > answers[i]![first(wrong)]!,
        ).length,
        of: ioi.length,
        pMary: Math.exp(answers[0]![first(canonicalPrompt.answer)]!),
      },
      examples: examplePrompts.map((prompt, i) => ({
        prompt,
        tokens: likeliest(model, examples[i]!, 8).map(({ text, logProbability }) => ({
          text,
          probability: Math.exp(logProbability),
        })),
      })),
    };
  } finally {
    await predictor.close();
  }
}
