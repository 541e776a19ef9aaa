/** @file Every failure a user can meet: a stable code, what is wrong, where, and what to do. One class per family. */

export interface ErrorDetails {
  /** Where it happened: a file, a site, a line of the study. */
  readonly where?: string;
  /** What the user can do about it, as one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Base of all errors that Untangle throws on purpose. `code` is stable and documented in docs/errors.md. */
export class UntangleError extends Error {
  readonly code: string;
  readonly where: string | undefined;
  readonly hint: string | undefined;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.where = details.where;
    this.hint = details.hint;
  }
}

/** Shapes and dtypes. */
export class TensorError extends UntangleError {}
/** Files: reading, writing, formats, downloads, the workspace. */
export class FileError extends UntangleError {}
/** Graphs: unknown sites, missing rules, bad rewrites. */
export class GraphError extends UntangleError {}
/** Sessions and workers. */
export class RuntimeError extends UntangleError {}
/** Models and tokenizers. */
export class ModelError extends UntangleError {}
/** Text, tasks, labels, tables. */
export class DataError extends UntangleError {}
/** Training of networks: data, divergence, checkpoints. */
export class NetworkError extends UntangleError {}
/** Dictionaries: shapes, widths, training. */
export class DictionaryError extends UntangleError {}
/** Circuits: dictionaries, tasks, effects. */
export class CircuitError extends UntangleError {}
/** Energy: clocks on features, importance, masks, concepts of one's own. */
export class EnergyError extends UntangleError {}
/** Mechanics: systems, integrators, optimisers, samplers. */
export class MechanicsError extends UntangleError {}
/** Superposition: toy models, their geometry, phase diagrams. */
export class SuperpositionError extends UntangleError {}
/** Erasing and editing. */
export class EditError extends UntangleError {}
/** The study file and its steps. */
export class StudyError extends UntangleError {}
/** Wrong use of a command (exit code 2). */
export class UsageError extends UntangleError {}

/** Thrown when a caller's AbortSignal fires (exit code 130). */
export class InterruptedError extends UntangleError {
  constructor() {
    super(
      'interrupted',
      'stopped before the end; finished steps are kept, and the same command goes on from there',
    );
  }
}

/** Throws InterruptedError when `signal` has fired. Long loops call it once per batch. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError();
}

/** An error as plain JSON, for `--json`, the HTTP API and worker messages. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly where?: string;
  readonly hint?: string;
}

/** Any thrown value as an ErrorReport; unknown errors get the code `internal`. */
export function reportError(error: unknown): ErrorReport {
  if (error instanceof UntangleError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.where === undefined ? {} : { where: error.where }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    message,
    hint: 'this is a fault of Untangle: please report it with the command you ran',
  };
}

/** The `count` candidates nearest to `name` by edit distance, nearest first: for "did you mean". */
export function nearestNames(name: string, candidates: Iterable<string>, count = 3): string[] {
  return [...candidates]
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map((entry) => entry.candidate);
}

/** Levenshtein distance, two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(substitution, previous[j]! + 1, current[j - 1]! + 1);
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** Lets other work run, e.g. what notices Ctrl-C. Throws InterruptedError when `signal` has fired. */
export async function giveWay(signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  await new Promise((resolve) => setTimeout(resolve));
  throwIfAborted(signal);
}
