/**
 * @file The form of attribution-graph JSON, as Neuronpedia's graph-schema.json ("Anthropic Attribution Graph", draft-07)
 * and circuit-tracer's frontend/graph_models.py have it. What is written satisfies both; what is read may lack what one of
 * them leaves out. Fields that neither knows are let through.
 */
import { z } from 'zod';

/** Neuronpedia: `feature` may be null, `layer` a number; circuit-tracer fills `jsNodeId` and `clerp` itself. */
const nodeSchema = z.looseObject({
  node_id: z.string(),
  feature: z.int().nullable(),
  layer: z.union([z.string(), z.int()]),
  ctx_idx: z.int(),
  feature_type: z.string(),
  jsNodeId: z.string().optional(),
  clerp: z.string().optional(),
  influence: z.number().nullish(),
  activation: z.number().nullish(),
  token_prob: z.number().nullish(),
  is_target_logit: z.boolean().nullish(),
});

/** What is read. */
export const attributionGraphSchema = z.looseObject({
  metadata: z.looseObject({
    slug: z.string(),
    scan: z.string(),
    prompt: z.string(),
    prompt_tokens: z.array(z.string()),
    transcoder_list: z.array(z.string()).optional(),
  }),
  qParams: z.looseObject({}),
  nodes: z.array(nodeSchema),
  links: z.array(z.looseObject({ source: z.string(), target: z.string(), weight: z.number() })),
});

export type AttributionGraph = z.output<typeof attributionGraphSchema>;
export type AttributionNode = z.output<typeof nodeSchema>;

/** What a feature is numbered by in both viewers: Cantor's pairing of layer and feature, π(x, y) = (x+y)(x+y+1)/2 + y. */
export const pairing = (x: number, y: number): number => ((x + y) * (x + y + 1)) / 2 + y;

/** The two numbers behind a pairing. */
export function unpairing(z: number): readonly [x: number, y: number] {
  let w = Math.floor((Math.sqrt(8 * z + 1) - 1) / 2);
  // The square root of a large number rounds.
  while ((w * (w + 1)) / 2 > z) w--;
  while (((w + 1) * (w + 2)) / 2 <= z) w++;
  const y = z - (w * (w + 1)) / 2;
  return [w - y, y];
}
