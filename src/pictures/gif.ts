/** @file Moving pictures as GIF: every frame is SVG, drawn as the PNGs are, on one palette for the whole film. */
import { createRequire } from 'node:module';
import { giveWay } from '../core/errors.ts';
import { pixelsOf } from './png.ts';

// CommonJS whose default export loaders read in different ways.
const { GIFEncoder, applyPalette, quantize } = createRequire(import.meta.url)(
  'gifenc',
) as typeof import('gifenc');

export interface GifOptions {
  /** Milliseconds a frame is shown; GIF counts in hundredths of a second. */
  readonly delay?: number;
  /** Milliseconds that the last frame stays. */
  readonly hold?: number;
  /** Pixels per unit of the SVG. */
  readonly zoom?: number;
  readonly signal?: AbortSignal;
  readonly onFrame?: (done: number, all: number) => void;
}

/** Frames of equal size as the bytes of a GIF file that loops for ever. */
export async function gifOf(frames: readonly string[], options: GifOptions = {}): Promise<Uint8Array> {
  const { delay = 60, hold = 1200, zoom = 1, signal, onFrame } = options;
  const file = GIFEncoder();
  // Colours of the first, middle and last frame: a film shows the same things throughout.
  const samples = [0, Math.floor(frames.length / 2), frames.length - 1];
  const drawn = await Promise.all([...new Set(samples)].map((i) => pixelsOf(frames[i]!, zoom)));
  const all = new Uint8Array(drawn.reduce((sum, d) => sum + d.rgba.length, 0));
  let from = 0;
  for (const { rgba } of drawn) {
    all.set(rgba, from);
    from += rgba.length;
  }
  const palette = quantize(all, 256);
  for (let i = 0; i < frames.length; i++) {
    const { rgba, width, height } = await pixelsOf(frames[i]!, zoom);
    file.writeFrame(applyPalette(rgba, palette), width, height, {
      ...(i === 0 ? { palette } : {}),
      delay: i === frames.length - 1 ? hold : delay,
    });
    onFrame?.(i + 1, frames.length);
    await giveWay(signal);
  }
  file.finish();
  return file.bytes();
}
