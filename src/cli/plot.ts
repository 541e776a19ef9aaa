/** @file `--plot FILE`: a command's picture as SVG or PNG. */
import { extname } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { Io } from './io.ts';
import type { GlobalOptions } from './options.ts';

/** The name of a picture, by its ending. */
function pictureFile(file: string): string {
  if (['.svg', '.png'].includes(extname(file).toLowerCase())) return file;
  throw new InvalidArgumentError('A picture ends with .svg or .png.');
}

/** Options of a command that can draw. */
export interface Plot extends GlobalOptions {
  readonly plot?: string;
}

/** The option itself. */
export const plotOption = (): Option =>
  new Option('--plot <file>', 'draw a picture: .svg or .png').argParser(pictureFile);

/** Writes a picture as its name asks for (`.svg` or `.png`), and says so; nothing without a file. */
export async function plot(file: string | undefined, svg: () => string, io: Io): Promise<void> {
  if (file === undefined) return;
  const [{ writeFileAtomic }, { pngOf }] = await Promise.all([
    import('../files/atomic.ts'),
    import('../pictures/png.ts'),
  ]);
  const drawn = svg();
  const svgFile = extname(file).toLowerCase() === '.svg';
  await writeFileAtomic(file, svgFile ? new TextEncoder().encode(drawn) : await pngOf(drawn));
  io.err(`${file} written\n`);
}
