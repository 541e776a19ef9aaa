/** @file Pictures of circuits to files, .svg or .png. */
import { extname } from 'node:path';
import { Option } from 'commander';
import type { CircuitComparison } from '../../circuits/compare.ts';
import { drawable, type PortableGraph } from '../../circuits/exchange/portable.ts';
import { UsageError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../files/atomic.ts';
import { circuitPicture } from '../../pictures/circuit.ts';
import { comparisonPicture } from '../../pictures/comparison.ts';
import type { Io } from '../io.ts';

/** The option of every command that draws. */
export const plotOption = () => new Option('--plot <file>', 'draw a picture to this file, .svg or .png');

async function write(file: string, svg: string, io: Io): Promise<void> {
  const kind = extname(file).toLowerCase();
  if (kind !== '.svg' && kind !== '.png') {
    throw new UsageError('usage.invalid-value', `"${file}" is no name of a picture`, {
      hint: 'a picture ends with .svg or .png',
    });
  }
  const bytes =
    kind === '.svg'
      ? new TextEncoder().encode(svg)
      : await (await import('../../pictures/png.ts')).pngOf(svg);
  await writeFileAtomic(file, bytes);
  io.err(`${file} written\n`);
}

export const drawCircuit = (graph: PortableGraph, file: string, io: Io): Promise<void> =>
  write(
    file,
    circuitPicture(drawable(graph), { width: 960, height: 560 }, `${graph.name} in ${graph.model}`),
    io,
  );

export const drawComparison = (comparison: CircuitComparison, file: string, io: Io): Promise<void> =>
  write(file, comparisonPicture(comparison, { width: 720, height: 560 }), io);
