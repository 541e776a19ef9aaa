/** @file A transformer of any family as a graph in which every TransformerLens site is a value. */
import { ModelError } from '../../core/errors.ts';
import { graphBuilder } from '../../graph/build.ts';
import type { Graph, Weight } from '../../graph/types.ts';
import { rotaryTables } from '../rotary.ts';
import type { ModelShape } from '../types.ts';
import { modelWeights } from '../weights.ts';
import { block } from './block.ts';
import { pastInputs } from './cache.ts';
import { embed } from './embed.ts';
import { head } from './head.ts';
import { partsOf } from './parts.ts';

export interface BuildOptions {
  readonly dtype?: 'float32' | 'float64';
  /** Builds the step graph of generation (cache.ts): keys and values of earlier positions come in. Decoders only. */
  readonly cache?: boolean;
}

/**
 * The graph of a model; inputs and outputs as `Model.graph` says. `weights` by the names of modelWeights(), in
 * memory or external; rotary tables are made when absent. Where attention is causal, padding on the right changes
 * nothing before it. Each block takes the number of positions from its own residual input, so the graph still runs
 * when it is fed at any residual site.
 * @throws ModelError `model.missing-tensor`, `model.tensor-shape`
 */
export function buildModel(
  shape: ModelShape,
  weights: ReadonlyMap<string, Weight>,
  { dtype = 'float32', cache = false }: BuildOptions = {},
): Graph {
  const b = graphBuilder();
  for (const spec of modelWeights(shape)) {
    const weight = weights.get(spec.name);
    if (!weight) throw new ModelError('model.missing-tensor', `the model has no weight "${spec.name}"`);
    if (`${weight.shape}` !== `${spec.shape}`) {
      throw new ModelError(
        'model.tensor-shape',
        `weight "${spec.name}" is [${weight.shape}], expected [${spec.shape}]`,
        { where: spec.name },
      );
    }
    b.weight(spec.name, weight);
  }
  for (const [name, make] of rotaryTables(shape, dtype)) b.weight(name, weights.get(name) ?? make());
  const parts = partsOf(b, shape, dtype, cache);
  if (cache) pastInputs(parts);
  let residual = embed(parts);
  for (let layer = 0; layer < shape.layers; layer++) residual = block(parts, layer, residual);
  return b.finish(head(parts, residual));
}
