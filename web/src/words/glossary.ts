/** @file The words of the Studio, each in one plain line; the same definitions as docs and command line use. */

export interface Entry {
  readonly word: string;
  readonly means: string;
  /** True for words borrowed from mechanics. */
  readonly physics?: boolean;
  /** How it is computed, in symbols, where that helps. */
  readonly formula?: string;
}

export const glossary = {
  phaseSpace: {
    word: 'phase space',
    means: 'The space of all states: every position q together with every momentum p.',
    physics: true,
  },
  hamiltonian: {
    word: 'Hamiltonian',
    means: 'The energy as a function of position and momentum; its slopes say how both change.',
    physics: true,
    formula: 'q̇ = ∂H/∂p, ṗ = −∂H/∂q',
  },
  symplectic: {
    word: 'symplectic',
    means:
      'Keeping areas of phase space, as every Hamiltonian motion does; such a step has no drift of energy.',
    physics: true,
    formula: 'DΦᵀ Ω DΦ = Ω',
  },
  separatrix: {
    word: 'separatrix',
    means: 'The line in phase space between two kinds of motion, e.g. swinging and going over the top.',
    physics: true,
  },
  superposition: {
    word: 'superposition',
    means: 'More features than neurons, held as overlapping directions; works as long as few occur at once.',
  },
  dimensionality: {
    word: 'dimensionality of a feature',
    means:
      'How much of one dimension a feature has to itself: 1 alone, 1/2 in a pair of opposites, 0 when dropped.',
    formula: 'D_i = ‖W_i‖² / Σ_j (Ŵ_i · W_j)²',
  },
  barrier: {
    word: 'barrier',
    means: 'How far the loss must rise on the easiest way from one resting place to another.',
    physics: true,
  },
  polysemantic: {
    word: 'polysemantic neuron',
    means:
      'A neuron that takes part in several features, so that its activity alone does not say which one occurred.',
  },
  feature: {
    word: 'feature',
    means: 'A direction inside the model that a dictionary has learned; few are active on any one token.',
  },
  dictionary: {
    word: 'dictionary',
    means:
      'A sparse autoencoder: it rewrites the model’s state at one site as a short list of active features.',
  },
  site: { word: 'site', means: 'A named place inside the model where its state can be read or changed.' },
  cut: {
    word: 'cut',
    means:
      'The whole state of the model between two blocks, at all positions: everything later depends on it alone.',
  },
  activation: {
    word: 'activation',
    means: 'How strongly a feature is present at one token; zero means absent.',
  },
  fve: {
    word: 'variance explained (FVE)',
    means: 'Share of the state’s variation that the features rebuild; predicting the mean would score 0.',
    formula: '1 − Σ‖x − x̂‖² / Σ‖x − x̄‖²',
  },
  l0: { word: 'L0', means: 'How many features are active on a token, on average.' },
  ceRecovered: {
    word: 'cross-entropy recovered',
    means:
      'How much of the model’s skill survives when its state is replaced by what the features rebuild; the mean alone scores 0.',
    formula: '(CE mean-ablated − CE spliced) / (CE mean-ablated − CE clean)',
  },
  dead: {
    word: 'dead features',
    means: 'Share of features that were never active on the text they were scored on.',
  },
  logit: {
    word: 'logit',
    means: 'The model’s raw score of a possible next token, before it becomes a probability.',
  },
  logOdds: {
    word: 'log-odds',
    means:
      'Difference of two logits: 0 means both words are equally likely, +0.7 about twice, +2.3 about ten times.',
  },
  effect: {
    word: 'indirect effect',
    means:
      'How much the answer changes when this one part is given the value it would have had in the other prompt.',
    formula: 'IE = m(patched) − m(clean)',
  },
  push: {
    word: 'push',
    means:
      'Minus the indirect effect: positive when the part helps the answer, negative when it works against it.',
    formula: 'e = −IE',
  },
  attribution: {
    word: 'attribution patching',
    means: 'A quick estimate of the indirect effect from a single gradient.',
    formula: 'p · Δq at the clean run',
  },
  integrated: {
    word: 'integrated gradients',
    means: 'The indirect effect as a sum of many small steps from one prompt’s state to the other’s.',
  },
  errorNode: {
    word: 'error node',
    means:
      'What the dictionary failed to rebuild at that place; kept beside the features so that nothing is hidden.',
  },
  circuit: {
    word: 'circuit',
    means: 'The few parts of the model that carry one behaviour, and the paths between them.',
  },
  faithfulness: {
    word: 'faithfulness',
    means:
      'Share of the behaviour that remains when only the circuit runs on its own values; 100 % is the full model.',
  },
  completeness: {
    word: 'completeness',
    means:
      'Share of the behaviour that remains when the circuit is taken away; near 0 means nothing important was left out.',
  },
  efficientPath: {
    word: 'efficient path',
    means:
      'A way from a word to the answer, ranked by how much work arrives along it: the product of the fractions that each part passes on.',
  },
  null: {
    word: 'null',
    means: 'What the same measurement gives when there is nothing to find, for example for random features.',
  },
  interval: {
    word: 'interval',
    means: 'The 95 % range in which the number would fall if the examples were drawn again.',
  },
  heldOut: {
    word: 'held out',
    means: 'Text or examples that were never used for finding anything, kept for testing.',
  },
  sink: {
    word: 'attention sink',
    means:
      'A position with a huge state that the model uses as a parking place; left out of training and scores.',
  },
  kl: {
    word: 'KL divergence',
    means:
      'How far the edited model’s predictions are from the untouched one’s on plain text; 0 is no change.',
  },
  bias: {
    word: 'bias',
    means: 'Here: how strongly the occupation alone shifts the choice between “she” and “he”.',
  },
  meanAblation: {
    word: 'mean ablation',
    means: 'Replacing a part by its average over many texts, instead of switching it off.',
  },
  energy: {
    word: 'energy',
    physics: true,
    means: 'What a part contributes to the difference that is studied: minus its indirect effect.',
    formula: 'e = −IE = p · Δq',
  },
  energyBudget: {
    word: 'energy budget',
    physics: true,
    means:
      'At one cut: which share of the whole effect features carry, which the error nodes, and what is lost.',
  },
  leak: {
    word: 'leak',
    physics: true,
    means: 'The part of the effect that gets lost because the calculation goes in finite steps.',
    formula: 'ρ = |Σe − Δm| / |Δm|',
  },
  costate: {
    word: 'costate',
    physics: true,
    means:
      'How much the answer would change if the state at a cut were nudged: the gradient, seen as a momentum.',
    formula: 'λ = ∂m/∂x',
  },
  invariant: {
    word: 'costate invariant',
    physics: true,
    means:
      'A product that must be the same at every cut; it tests that the calculation is right, and discovers nothing.',
    formula: '⟨λ, δx⟩ equal at all cuts',
  },
  depthClock: {
    word: 'depth clock',
    physics: true,
    means: 'Time that runs through the layers of one forward pass, from the tokens to the answer.',
  },
  clock: {
    word: 'clock',
    physics: true,
    means:
      'What time runs over: layers, tokens, steps of learning, or the strength of an edit. Energies of different clocks are different things.',
  },
  pathWork: {
    word: 'path work',
    physics: true,
    means:
      'Effects gathered along one straight line in the words, the whole network following: the only form in which what flows in flows out.',
    formula: 'e = ∫ p · q̇ ds',
  },
  tokenPotential: {
    word: 'potential V over tokens',
    physics: true,
    means:
      'How much the loss would change if the feature were switched off here, with its sign turned: below 0 where the feature helps.',
    formula: 'V = L − L(do f = 0) ≈ f · ∂L/∂f',
  },
  tokenEnergy: {
    word: 'energy over tokens',
    physics: true,
    means:
      'How much a feature moves plus how much it counts. The article writes T − U with U = −V: the same number.',
    formula: 'E = T + V',
  },
  drift: {
    word: 'drift',
    physics: true,
    means:
      'How much an energy that might be conserved varies, beside how large its parts are; means something only below its null.',
    formula: 'std(E) / (⟨|T|⟩ + ⟨|V|⟩)',
  },
  exactEffect: {
    word: 'exact effect',
    means:
      'What happens when the part is really changed and the network run again; estimates are judged by it.',
  },
  mask: {
    word: 'mask of a feature',
    physics: true,
    means:
      'A number between 0 (left out) and 1 (kept) for each feature; moving all of them under an energy finds a circuit.',
  },
  symmetryCharge: {
    word: 'charge of a symmetry',
    physics: true,
    means:
      'A number that learning without friction keeps, because moving the parameters in this way (turning them all, say) would not change the loss.',
  },
  specificHeat: {
    word: 'specific heat',
    physics: true,
    means:
      'How strongly the states of an ensemble change with temperature; a peak where features begin to be kept together.',
    formula: 'C = β² (⟨V²⟩ − ⟨V⟩²)',
  },
  leakage: {
    word: 'leakage',
    means:
      'How well a fresh probe, trained after the edit, still tells the protected attribute; 50 % is what guessing gives.',
  },
  otherTasks: {
    word: 'other tasks',
    means:
      'How far the edit moves what the model does elsewhere: mean share of the logit difference of tasks that the edit is not about.',
  },
  worstGroup: {
    word: 'worst group',
    means: 'Accuracy on the group that the classifier serves worst, e.g. women in the field of men.',
  },
  tprGap: {
    word: 'TPR gap',
    means: 'Difference between the groups in how often a member of the field is recognised as one.',
  },
  probe: {
    word: 'probe',
    means: 'A small classifier that reads the model’s inner state; here it tells the field, or the gender.',
  },
  editClock: {
    word: 'edit clock',
    physics: true,
    means: 'Time that runs from the untouched network (s = 0) to the edited one (s = 1).',
  },
  leastAction: {
    word: 'least action',
    physics: true,
    means: 'Of all ways of turning features down, the one on which moving and staying together cost least.',
    formula: 'S = ∫ (½ α̇ᵀ G α̇ + V) ds',
  },
  controlEnergy: {
    word: 'H_c',
    physics: true,
    means:
      'Pontryagin’s Hamiltonian of the path, the article’s T − V: constant along a path of least action.',
    formula: 'H_c = T − V',
  },
  momentum: {
    word: 'momentum',
    physics: true,
    means: 'On the depth clock: the costate, read in the direction of one feature.',
    formula: 'pᵢ = λ · dᵢ',
  },
  quadrature: {
    word: 'quadrature rule',
    physics: true,
    means:
      'How the integral from one prompt’s state to the other’s is cut into steps, for example midpoint with 10.',
  },
  deltaM: {
    word: 'whole effect (Δm)',
    means:
      'Difference of the answer’s score between the prompt and its counterpart: what the budget has to add up to.',
    formula: 'Δm = m(clean) − m(patch)',
  },
  cleanPatch: {
    word: 'clean and patch',
    means:
      'The prompt that is studied, and its counterpart that differs in one thing and wants the other answer.',
  },
} satisfies Record<string, Entry>;

export type Term = keyof typeof glossary;

/** One entry, with the optional fields visible to the type checker. */
export const entryOf = (term: Term): Entry => glossary[term];
