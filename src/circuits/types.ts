/** @file What a circuit is once it is found: nodes, edges, and how well they carry the behaviour. JSON, shown by the Studio. */
import type { Estimate } from '../core/statistics.ts';
import type { Areas } from './areas.ts';
import type { PathBalance } from './path-balance.ts';

/** Sign everywhere: `effect` is IE = m(patched) − m(clean); a node the answer needs has a negative one. */
export interface CircuitNode {
  /** `${cut}:${position}:f${feature}`, `${cut}:${position}:err`, `0:${position}:token`, or `output`. */
  readonly id: string;
  readonly kind: 'token' | 'feature' | 'error' | 'output';
  readonly site?: string;
  /** 0 is the embedding, l + 1 the residual stream after block l. */
  readonly cut: number;
  readonly position: number;
  readonly feature?: number;
  /** Mean indirect effect over the train examples, integrated gradients at its cut. */
  readonly effect: number;
  /** The same by attribution patching: one gradient, at the clean run. */
  readonly attributionPatching: number;
  /** Mean activation in the clean and in the patched runs (features). */
  readonly activationClean?: number;
  readonly activationPatch?: number;
}

/** `weight` in the energy direction: what the clean run sends and the patched one does not (mechanics.md §2, Flow). */
export interface CircuitEdge {
  readonly source: string;
  readonly target: string;
  readonly weight: number;
}

/** One size of circuit: its nodes are those with |effect| ≥ threshold. */
export interface CurvePoint {
  readonly threshold: number;
  readonly nodes: number;
  readonly errorNodes: number;
  readonly faithfulness: Estimate;
  readonly completeness: Estimate;
  readonly random: Estimate;
}

/** The same circuit under another definition, by name, so that nothing hangs on one choice. */
export interface FaithfulnessVariant {
  readonly name: string;
  /** One plain sentence: what is ablated. */
  readonly meaning: string;
  readonly nodes: number;
  readonly faithfulness: Estimate;
  readonly random: Estimate;
}

/** What flows from the tokens to the answer through listed nodes alone, by the proportional rule (flow/paths.ts). */
export interface CircuitFlow {
  /** Share of Δm; may pass 1 where other nodes push against. */
  readonly share: number;
  /** Number of nodes in the smallest set found that carries half of that. */
  readonly half: number;
}

/** The neuron circuit at one size: coordinates of the same places instead of features. */
export interface NeuronPoint {
  readonly nodes: number;
  readonly faithfulness: Estimate;
}

export interface CircuitResult {
  readonly task: string;
  readonly title: string;
  readonly question: string;
  /** Sites of the dictionaries, by depth. */
  readonly sites: readonly string[];
  readonly positions: { readonly labels: readonly string[]; readonly exampleTokens: readonly string[] };
  readonly metric: { readonly clean: Estimate; readonly patch: Estimate };
  readonly nodes: readonly CircuitNode[];
  readonly edges: readonly CircuitEdge[];
  readonly curve: readonly CurvePoint[];
  /** Index in `curve` of the circuit whose nodes are listed. */
  readonly chosen: number;
  readonly faithfulness: Estimate;
  readonly completeness: Estimate;
  readonly random: Estimate;
  readonly variants: readonly FaithfulnessVariant[];
  /** How effects were taken and nodes chosen. */
  readonly method?: {
    readonly rule: string;
    readonly baseline: string;
    readonly aggregation: string;
    /** `threshold`: the largest effects; `flow`: the paths that carry most. */
    readonly select: string;
  };
  readonly flow?: CircuitFlow;
  /** With `flow`: how well path work balances. */
  readonly balance?: PathBalance;
  /** The circuit of neurons at the same places, ranked and run alike. */
  readonly neurons?: readonly NeuronPoint[];
  /** Areas under the curves over the share of nodes kept (areas.ts). */
  readonly areas?: { readonly circuit: Areas; readonly random: Areas; readonly neurons?: Areas };
  /** Error nodes of the listed circuit: how many, their share of its nodes, and of the sum of |effect|. */
  readonly errors?: { readonly nodes: number; readonly nodeShare: number; readonly effectShare: number };
  /** Train examples behind the effects, and held-out ones behind the faithfulness. */
  readonly examples: number;
  readonly heldOutExamples: number;
}
