/** @file The end of a study in one JSON document: what others script against, and the same for people. */
import type { Estimate } from '../core/statistics.ts';
import type { ConceptResult } from '../energy/concept/types.ts';
import type { Manifest } from './cache.ts';
import type { StudyResults } from './results.ts';
import { plainSentence } from './sentence.ts';

/** Faithfulness of the neuron circuit whose size is nearest to the circuit's. */
function neuronsBeside({ neurons = [], curve, chosen }: StudyResults['circuits'][number]): number {
  const size = curve[chosen]?.nodes ?? 0;
  const off = (nodes: number) => Math.abs(Math.log(nodes / Math.max(1, size)));
  return neurons.reduce((a, b) => (off(b.nodes) < off(a.nodes) ? b : a)).faithfulness.value;
}

/** The document that `untangle demo --json` ends with. */
export interface StudySummary {
  readonly sentence: string;
  readonly model?: {
    readonly name: string;
    readonly source: string;
    readonly parameters: number;
    readonly note: string;
  };
  readonly logits?: { readonly ioiCorrect: number; readonly of: number; readonly pMary: number };
  readonly dictionaries: readonly {
    readonly site: string;
    readonly architecture: string;
    readonly features: number;
    readonly l0: number;
    readonly fve: number;
    readonly ceRecovered: number;
    /** Share of features that never fired on the evaluation text. */
    readonly dead: number;
    readonly tokensPerSecond: number;
  }[];
  /** Dictionaries of one site that a list in the study file compares; the study goes on with the chosen one. */
  readonly sweeps: readonly {
    readonly site: string;
    readonly rows: readonly {
      readonly name: string;
      readonly chosen: boolean;
      readonly features: number;
      readonly l0: number;
      readonly fve: number;
      readonly ceRecovered: number;
      readonly dead: number;
    }[];
  }[];
  readonly circuits: readonly {
    readonly task: string;
    readonly nodes: number;
    readonly faithfulness: number;
    /** 95 % interval of the faithfulness. */
    readonly interval: readonly [number, number];
    readonly completeness: number;
    /** Faithfulness of a random circuit of equal size. */
    readonly random: number;
    readonly randomInterval: readonly [number, number];
    /** Error nodes of the circuit, and their share of the sum of |effect|. */
    readonly errorNodes?: number;
    readonly errorShare?: number;
    /** Faithfulness of the neuron circuit of the size next to the circuit's. */
    readonly neurons?: number;
  }[];
  readonly energy?: {
    readonly costateSpread: number;
    readonly leak: number;
    readonly tasks: readonly {
      readonly task: string;
      readonly costateSpread: number;
      readonly leak: number;
    }[];
  };
  /** What the user's own modules say, as their steps gave it. */
  readonly concepts: readonly ConceptResult[];
  readonly edit: readonly {
    readonly method: string;
    readonly strength: number;
    readonly biasBefore: number;
    readonly biasAfter: number;
    readonly biasAfterInterval: readonly [number, number];
    /** Bias that the random edit of equal size leaves minus bias that this one leaves, pair by pair. */
    readonly beyondRandom?: number;
    readonly beyondRandomInterval?: readonly [number, number];
    /** Of the task that should stay; null when the study has no other task. */
    readonly agreementBefore: number | null;
    readonly agreementAfter: number | null;
    readonly agreementAfterInterval: readonly [number, number];
    readonly kl: number;
    readonly klInterval: readonly [number, number];
  }[];
  /** `total` is this run's wall clock; the others are what each stage took when it ran. */
  readonly seconds: Readonly<Record<string, number>> & { readonly total: number };
  readonly memory: { readonly peakBytes: number };
}

export interface SummaryInput {
  readonly results: StudyResults;
  /** Seconds of each finished step, by name. */
  readonly stepSeconds: ReadonlyMap<string, Manifest['seconds']>;
  readonly totalSeconds: number;
  readonly peakBytes: number;
}

const interval = (estimate: Estimate): [number, number] => [estimate.low, estimate.high];

/** The summary of a study's results, finished or not. */
export function summarise({ results, stepSeconds, totalSeconds, peakBytes }: SummaryInput): StudySummary {
  const { model, energy, edit } = results;
  const seconds: Record<string, number> & { total: number } = { total: round(totalSeconds, 2) };
  for (const [name, value] of stepSeconds) {
    const stage = name.split('/')[0] as string;
    seconds[stage] = round((seconds[stage] ?? 0) + value, 2);
  }
  return {
    sentence: plainSentence(results),
    ...(model
      ? {
          model: {
            name: model.name,
            source: model.source,
            parameters: model.parameters,
            note: model.note,
          },
          logits: model.logits,
        }
      : {}),
    dictionaries: results.dictionaries.map(
      ({ site, architecture, features, l0, fve, ceRecovered, dead, tokensPerSecond }) => ({
        site,
        architecture: architecture ?? 'topk',
        features,
        l0,
        fve,
        ceRecovered,
        dead,
        tokensPerSecond,
      }),
    ),
    sweeps: results.sweeps.map(({ site, rows }) => ({
      site,
      rows: rows.map(({ name, chosen, features, l0, fve, ceRecovered, dead }) => ({
        ...{ name, chosen, features, l0, fve, ceRecovered, dead },
      })),
    })),
    circuits: results.circuits.map((circuit) => ({
      task: circuit.task,
      nodes: circuit.curve[circuit.chosen]?.nodes ?? circuit.nodes.length,
      faithfulness: circuit.faithfulness.value,
      interval: interval(circuit.faithfulness),
      completeness: circuit.completeness.value,
      random: circuit.random.value,
      randomInterval: interval(circuit.random),
      ...(circuit.errors ? { errorNodes: circuit.errors.nodes, errorShare: circuit.errors.effectShare } : {}),
      ...(circuit.neurons?.length ? { neurons: neuronsBeside(circuit) } : {}),
    })),
    ...(energy.length > 0
      ? {
          energy: {
            costateSpread: Math.max(...energy.map((one) => one.costate.spread)),
            leak: Math.max(...energy.map((one) => one.leak)),
            tasks: energy.map((one) => ({
              task: one.task,
              costateSpread: one.costate.spread,
              leak: one.leak,
            })),
          },
        }
      : {}),
    concepts: results.concepts,
    edit: (edit?.rows ?? []).map((row) => ({
      method: row.method,
      strength: row.strength,
      biasBefore: row.biasBefore,
      biasAfter: row.biasAfter.value,
      biasAfterInterval: interval(row.biasAfter),
      ...(row.beyondRandom && {
        beyondRandom: row.beyondRandom.value,
        beyondRandomInterval: interval(row.beyondRandom),
      }),
      agreementBefore: row.agreementBefore,
      agreementAfter: row.agreementAfter.value,
      agreementAfterInterval: interval(row.agreementAfter),
      kl: row.kl.value,
      klInterval: interval(row.kl),
    })),
    seconds,
    memory: { peakBytes },
  };
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
