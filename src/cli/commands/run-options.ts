/** @file What `untangle run` can be told. */
import type { GlobalOptions } from '../options.ts';

export interface RunOptions extends GlobalOptions {
  readonly prompt?: string;
  readonly chat?: string;
  readonly chatFile?: string;
  readonly system?: string;
  readonly generate?: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly cache: boolean;
  readonly edit?: string;
  readonly read: readonly string[];
  /** Tensors for a network of any kind, NAME=VALUE. */
  readonly input: readonly string[];
  readonly lowMemory?: boolean;
  readonly top: number;
  readonly out?: string;
}
