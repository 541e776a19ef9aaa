/** @file Every kind of dictionary by name. */
import { batchtopk } from './batchtopk.ts';
import { crosscoder } from './crosscoder.ts';
import { gated } from './gated.ts';
import { jumprelu } from './jumprelu.ts';
import type { Kind } from './kind.ts';
import { matchingPursuit } from './matching-pursuit.ts';
import { matryoshka } from './matryoshka.ts';
import { neurons } from './neurons.ts';
import { pAnneal } from './p-anneal.ts';
import { relu } from './relu.ts';
import { skipTranscoder } from './skip-transcoder.ts';
import { topk } from './topk.ts';
import { transcoder } from './transcoder.ts';

export const kinds = {
  relu,
  'p-anneal': pAnneal,
  gated,
  topk,
  batchtopk,
  jumprelu,
  matryoshka,
  transcoder,
  'skip-transcoder': skipTranscoder,
  crosscoder,
  'matching-pursuit': matchingPursuit,
  neurons,
} as const satisfies Record<string, Kind>;

/** What a dictionary is, or was trained as. */
export type Architecture = keyof typeof kinds;

export const architectures = Object.keys(kinds) as Architecture[];
