/**
 * @file Feature files of the viewers (Neuronpedia's feature JSON, circuit-tracer's frontend/feature_models.py): one JSON file
 * a feature, named by the pairing of layer and feature.
 */
import { z } from 'zod';
import { CircuitError } from '../../core/errors.ts';
import type { FeatureDetail } from '../../dictionaries/feature-reader.ts';
import { pairing } from './graph-schema.ts';

const exampleSchema = z.looseObject({
  tokens: z.array(z.string()),
  tokens_acts_list: z.array(z.number()),
  train_token_ind: z.int().optional(),
  is_repeated_datapoint: z.boolean().optional(),
});

/** Required: `index`, `examples_quantiles`, `top_logits`, `bottom_logits`; the others are circuit-tracer's. */
export const featureFileSchema = z.looseObject({
  index: z.int(),
  examples_quantiles: z.array(z.object({ quantile_name: z.string(), examples: z.array(exampleSchema) })),
  top_logits: z.array(z.string()),
  bottom_logits: z.array(z.string()),
  transcoder_id: z.string().optional(),
  act_min: z.number().optional(),
  act_max: z.number().optional(),
  quantile_values: z.array(z.number()).optional(),
  histogram: z.array(z.number()).optional(),
  activation_frequency: z.number().optional(),
});

export type FeatureFile = z.output<typeof featureFileSchema>;

/** Number and file of a feature: what viewers ask a folder of features for. */
export const featureNumber = (layer: number, feature: number): number => pairing(layer, feature);

/** What the database knows about a feature, in the viewers' form. `site` names the dictionary. */
export function featureFile(detail: FeatureDetail, site: string, layer: number): FeatureFile {
  return {
    transcoder_id: site,
    index: featureNumber(layer, detail.id),
    examples_quantiles: [
      {
        quantile_name: 'Top activations',
        examples: detail.passages.map(({ tokens, activations }) => ({
          tokens: [...tokens],
          tokens_acts_list: [...activations],
          train_token_ind: activations.indexOf(Math.max(...activations)),
          is_repeated_datapoint: false,
        })),
      },
    ],
    top_logits: detail.promoted.map(({ text }) => text),
    bottom_logits: detail.suppressed.map(({ text }) => text),
    act_min: 0,
    act_max: detail.maxActivation,
    quantile_values: detail.histogram.map(({ from }) => from),
    histogram: detail.histogram.map(({ count }) => count),
    activation_frequency: detail.frequency,
  };
}

/** @throws CircuitError `circuit.graph-form` */
export function readFeatureFile(value: unknown, where = 'feature'): FeatureFile {
  const parsed = featureFileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CircuitError('circuit.graph-form', `${where}: ${issue?.path.join('.')}: ${issue?.message}`, {
    where,
    hint: 'a feature file has index, examples_quantiles, top_logits and bottom_logits',
  });
}
