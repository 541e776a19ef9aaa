/** @file The energy of a behaviour along the depth clock, as JSON: invariant, budget, features. */

/** ⟨λ_l, δx_l⟩ at one cut: mean over the examples. */
export interface CostateProduct {
  readonly cut: number;
  readonly site: string;
  readonly value: number;
}

export interface CostateResult {
  /** (max − min over cuts) / max over cuts of Σ|λ_i δx_i|, the worst example; tangent clean − patch. */
  readonly spread: number;
  /** (max − min over cuts) / max over cuts of |⟨λ, δx⟩|, of the mean over examples; tangent clean − patch. */
  readonly relativeSpread: number;
  /** The first figure again for a random tangent. */
  readonly randomSpread: number;
  readonly products: readonly CostateProduct[];
}

/** Where the change of the metric goes at one cut. All in units of the metric, means over examples. */
export interface CutBudget {
  readonly cut: number;
  readonly site: string;
  /** m(clean) − m(patch). */
  readonly deltaM: number;
  /** Energy −ΣIE carried by features and by error nodes. */
  readonly features: number;
  readonly errors: number;
  /** ρ = Σ|Σe − Δm| / Σ|Δm| over examples, by the rule that the effects were computed with. */
  readonly leak: number;
  /** The same by rule, on the examples that all rules were run on. */
  readonly leakByRule: Readonly<Record<string, number>>;
}

export interface FeatureEnergy {
  readonly site: string;
  readonly feature: number;
  readonly position: number;
  /** −IE: positive when the clean run has what the answer needs. */
  readonly energy: number;
}

export interface EnergyResult {
  readonly task: string;
  readonly costate: CostateResult;
  /** Median of `budget[].leak` over the dictionaries' cuts. */
  readonly leak: number;
  readonly budget: readonly CutBudget[];
  /** Rules compared in `leakByRule`, and how many points each takes. */
  readonly rules: readonly { readonly name: string; readonly points: number }[];
  /** The rule of `leak`, `features` and `errors`. */
  readonly rule: string;
  readonly topFeatures: readonly FeatureEnergy[];
  readonly examples: number;
  readonly ruleExamples: number;
}
