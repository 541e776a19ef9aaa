/** @file What the depth clock says, as JSON: budgets of every cut, block energies, energy flow and its paths, canonicity. */

/** What one quadrature rule makes of a cut; energies are means over examples, in units of the metric. */
export interface RuleBudget {
  readonly rule: string;
  /** ρ = Σ|Σe − Δm| / Σ|Δm| over examples. */
  readonly leak: number;
  /** Gradients an example took. */
  readonly points: { readonly mean: number; readonly most: number };
  /** Energy of features and of error nodes; absent without a dictionary at the cut. */
  readonly features?: number;
  readonly errors?: number;
}

export interface CutRules {
  /** 0 the embedding, l + 1 the stream after block l. */
  readonly cut: number;
  readonly site: string;
  /** Mean of m(clean) − m(patch). */
  readonly deltaM: number;
  readonly examples: number;
  readonly rules: readonly RuleBudget[];
}

/** A rule over all cuts that were measured; the deeper half are the cuts from half the last cut's number on. */
export interface RuleSummary {
  readonly rule: string;
  readonly median: number;
  readonly worst: { readonly cut: number; readonly leak: number };
  readonly worstDeeper?: { readonly cut: number; readonly leak: number };
  /** Median over cuts of the mean number of gradients an example took. */
  readonly points: number;
}

/** Energy of one residual block, h_l = λ_{l+1}·(x_{l+1} − x_l), on the clean prompts. */
export interface BlockEnergy {
  readonly block: number;
  /** Mean over examples, in units of the metric. */
  readonly energy: number;
  /** Mean over examples of Σ_i |λ_i (x_{l+1} − x_l)_i|: what cancels in it. */
  readonly size: number;
}

export interface BlockEnergies {
  readonly blocks: readonly BlockEnergy[];
  /** std over blocks / mean over blocks of |h_l|. Nothing says that it should be small, except where blocks are tied. */
  readonly drift: number;
  readonly examples: number;
}

/** Part of a block's energy that a feature carries: λ_{l+1}·d_i (f_i(x_{l+1}) − f_i(x_l)), summed over positions. */
export interface BlockShare {
  readonly feature: number;
  readonly energy: number;
}

export interface BlockShares {
  readonly block: number;
  /** Site of the dictionary that both states are read in. */
  readonly site: string;
  readonly energy: number;
  readonly features: number;
  readonly errors: number;
  /** The largest by size. */
  readonly top: readonly BlockShare[];
}

/** A node of an energy flow as it is drawn. Energies are means over examples, positive toward the answer. */
export interface FlowGroup {
  readonly id: string;
  /**
   * `token`: the embedding at a position; `feature`: one feature, its positions together; `other`: all features that are not
   * listed; `errors`: all error nodes of the cut; `state`: a position of a cut without a dictionary; `answer`: the metric.
   */
  readonly kind: 'token' | 'feature' | 'other' | 'errors' | 'state' | 'answer';
  readonly energy: number;
  /** Sums of the flows that arrive and leave; absent where energy comes in and where it ends. */
  readonly inflow?: number;
  readonly outflow?: number;
  /** Of a feature. */
  readonly feature?: number;
  /** Of a token or a state. */
  readonly position?: number;
}

export interface FlowCut {
  /** Depth of the place (docs/circuits.md); of the answer one more than the last. */
  readonly depth: number;
  /** `metric` for the answer. */
  readonly site: string;
  readonly complete: boolean;
  /** Σ of its nodes: Δm less the leak, at every complete cut. */
  readonly energy: number;
  readonly nodes: readonly FlowGroup[];
}

export interface FlowLink {
  readonly source: string;
  readonly target: string;
  readonly energy: number;
}

/** A way from a token to the answer. */
export interface EnergyPath {
  /** Ids of nodes. */
  readonly nodes: readonly string[];
  /** Π e_{u→v}/e_u, signed. */
  readonly value: number;
  /** e_token · value, in units of the metric. */
  readonly carried: number;
}

/** Energy on its way from the tokens through the dictionaries' cuts to the answer: what a Sankey picture takes. */
export interface EnergyFlow {
  /** Quadrature rule of the line in the embeddings. */
  readonly rule: string;
  readonly examples: number;
  readonly deltaM: number;
  /** By depth: the embedding first, the answer last. */
  readonly cuts: readonly FlowCut[];
  /** Between consecutive cuts; places that are no cuts also pass energy on to later ones. */
  readonly flows: readonly FlowLink[];
  /** Largest |inflow − e| or |outflow − e| of a node over the largest flow through one: rounding, if all is right. */
  readonly imbalance: number;
  /** |Σe − Δm| / |Δm|: what the quadrature loses, the same at every complete cut up to `leakSpread`. */
  readonly leak: number;
  readonly leakSpread: number;
  /** How the signed flow is taken apart into paths, which can be done in many ways (src/circuits/flow/paths.ts). */
  readonly pathRule: 'proportional';
  /** Ranked by |value| and by |carried|. */
  readonly efficient: readonly EnergyPath[];
  readonly carrying: readonly EnergyPath[];
}

/** How far M_ij = {f_i, p_j} = ∂f_i/∂x·d_j is from the identity on a set of features. */
export interface CanonicityDefect {
  /** How many features. */
  readonly features: number;
  /** No set of features has a rank above this: min(features, D). */
  readonly rankBound: number;
  /** Numerical rank of M, where the set is small enough to ask. */
  readonly rank?: number;
  /** ‖M − I‖_F / √n: 0 for independent coordinates. */
  readonly defect: number;
  /** √((n − rankBound)/n): no M of that rank comes closer to I (Eckart & Young 1936). */
  readonly floor: number;
  readonly diagonal: Distribution;
  /** Of |M_ij|, i ≠ j. */
  readonly offDiagonal: Distribution;
  /** The largest |M_ij|, i ≠ j. */
  readonly largest: readonly { readonly i: number; readonly j: number; readonly value: number }[];
}

/** Quantiles of some numbers, and their mean. */
export interface Distribution {
  readonly mean: number;
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly min: number;
  readonly max: number;
}

/** Canonicity of a dictionary on some activations. */
export interface Canonicity {
  readonly site: string;
  /** D. */
  readonly width: number;
  /** Rows (positions) that it reads. */
  readonly rows: number;
  /** On the features that are active together at one row: mean over rows, and the spread of `defect`. */
  readonly together: {
    readonly active: number;
    readonly rank: number;
    readonly defect: Distribution;
    readonly diagonal: number;
    readonly offDiagonal: number;
  };
  /** On all features that are active at any row. */
  readonly anywhere: CanonicityDefect;
}
