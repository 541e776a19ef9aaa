/** @file The contract of a kind of dictionary: what it is called, where it comes from, and how its code may be read. */

/** Names of the ways in which a code is made of pre-activations (`Activation` in types.ts). */
type ActivationKind = 'relu' | 'topk' | 'threshold' | 'gated' | 'pursuit' | 'identity';

export interface Kind {
  /** As people write it. */
  readonly label: string;
  readonly source: string;
  /** Activations that a finished dictionary of this kind may have; the first is what our own training gives. */
  readonly activations: readonly ActivationKind[];
  /** Predicts another site than it reads. */
  readonly transcodes?: true;
  /** Reads several sites at once. */
  readonly crosses?: true;
}
