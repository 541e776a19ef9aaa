/** @file Behaviours without a hypothesis from the command line: text in, clusters with names, stability and features out. */
import type { Clustering } from '../../circuits/clusters/cluster.ts';
import { CLUSTER_DEFAULTS, type ClusterMethod, clusterContexts } from '../../circuits/clusters/cluster.ts';
import { type Context, plainContexts } from '../../circuits/clusters/contexts.ts';
import { surprises } from '../../circuits/clusters/surprise.ts';
import { contextVectors } from '../../circuits/clusters/vectors.ts';
import { dictionariesByDepth, networkOf } from '../../circuits/cuts.ts';
import { TOKENS_PER_RUN } from '../../circuits/run-options.ts';
import type { WorkContext } from '../../core/progress.ts';
import { track } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { loadDocuments, textSource } from '../../data/text.ts';
import { makeWindows } from '../../data/windows.ts';
import { checkLength } from '../../models/predict.ts';
import { openSession } from '../../runtime/session.ts';
import { openResources } from '../resources.ts';
import { dictionariesFor } from './find.ts';

export interface ClusterRequest {
  readonly model: string;
  readonly dictionaries: readonly string[];
  /** A corpus by name, or a file or folder of text. */
  readonly text: string;
  readonly count: number;
  /** Tokens of a context. */
  readonly length: number;
  /** Only next tokens that cost the model less than this many nats. */
  readonly below: number;
  readonly k: number;
  readonly method: ClusterMethod;
  readonly resamples: number;
  readonly seed: number;
  readonly threads: number;
}

export interface ClusteredText {
  readonly model: string;
  readonly text: string;
  readonly clustering: Clustering;
  /** End of each context and the token that follows, as text. */
  readonly contexts: readonly { readonly end: string; readonly answer: string }[];
}

/** Tokens of a context that are shown. */
const SHOWN = 12;
/** Windows that are read for every context asked for: about one token in eight costs less than 0.3 nats. */
const PLACES_PER_CONTEXT = 12;

/** Clusters places of a text where the model is sure of what follows. */
export async function clusterText(request: ClusterRequest, context: WorkContext): Promise<ClusteredText> {
  const { length, count, below, k, method, resamples, seed, threads } = request;
  const { progress, signal } = context;
  const model = await openResources({ study: { model: request.model } }).model(context);
  checkLength(model, length);
  const network = networkOf(model);
  const dictionaries = dictionariesByDepth(
    model,
    network,
    await dictionariesFor(model, request.dictionaries, context),
  );
  const corpus = await loadDocuments(textSource(request.text), context);
  const windows = makeWindows(corpus.documents, model.tokenizer, {
    length: 4 * length,
    trainTokens: PLACES_PER_CONTEXT * count + 8 * length,
    heldOutTokens: 4 * length,
    seed,
  }).train;
  const run = {
    open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads }),
    tokensPerRun: Math.max(length, TOKENS_PER_RUN),
    threads,
    ...(signal ? { signal } : {}),
  };
  const counting = (advance: (done: number) => void) => {
    let done = 0;
    return (more: number) => {
      done += more;
      advance(done);
    };
  };
  const nats = await track(
    progress,
    {
      task: 'surprise',
      label: 'Find places where the model is sure',
      total: windows.length,
      unit: 'windows',
    },
    (advance) => surprises(network, windows, { ...run, advance: counting(advance) }),
  );
  const stream = random(seed).fork('cluster');
  const contexts = plainContexts(windows, { length, count }, stream, { nats, below });
  const vectors = await track(
    progress,
    { task: 'vectors', label: 'Effects of features', total: 2 * contexts.length, unit: 'runs' },
    (advance) => contextVectors(network, dictionaries, contexts, { ...run, advance: counting(advance) }),
  );
  const decode = (token: number) => model.tokenizer.decode([token]);
  const clustering = clusterContexts(
    contexts,
    vectors,
    { ...CLUSTER_DEFAULTS, method, k, resamples, ...(signal ? { signal } : {}) },
    decode,
    stream,
  );
  const shown = ({ tokens, answer }: Context) => ({
    end: model.tokenizer.decode([...tokens.slice(-SHOWN)]),
    answer: decode(answer),
  });
  return { model: model.name, text: request.text, clustering, contexts: contexts.map(shown) };
}
