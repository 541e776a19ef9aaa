/** @file What every part of the effects benchmark works on. */
import type { Network } from '../../src/circuits/cuts.ts';
import type { RunOptions } from '../../src/circuits/run-options.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import type { Model } from '../../src/models/types.ts';

/** The model, its dictionaries by depth, and how sessions are opened. */
export interface Study {
  readonly model: Model;
  readonly network: Network;
  readonly dictionaries: readonly Dictionary[];
  readonly run: RunOptions;
}
