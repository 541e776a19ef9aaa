/** @file Pictures of circuits and of two circuits compared. */
import type { CircuitComparison } from '../../circuits/compare.ts';
import { drawable, type PortableGraph } from '../../circuits/exchange/portable.ts';
import { circuitPicture } from '../../pictures/circuit.ts';
import { comparisonPicture } from '../../pictures/comparison.ts';
import type { Io } from '../io.ts';
import { plot } from '../plot.ts';

/** Draws a circuit to the file that `--plot` names, if any. */
export const drawCircuit = (graph: PortableGraph, file: string | undefined, io: Io): Promise<void> =>
  plot(
    file,
    () => circuitPicture(drawable(graph), { width: 960, height: 560 }, `${graph.name} in ${graph.model}`),
    io,
  );

/** The same for a comparison. */
export const drawComparison = (
  comparison: CircuitComparison,
  file: string | undefined,
  io: Io,
): Promise<void> => plot(file, () => comparisonPicture(comparison, { width: 720, height: 560 }), io);
