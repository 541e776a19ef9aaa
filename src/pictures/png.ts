/** @file A picture as PNG: resvg in WebAssembly with the fonts that the Studio uses; light theme. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

const require = createRequire(import.meta.url);
/** Scripts of the font that our pictures write: Latin, its signs and superscripts, Greek. */
const scripts = ['latin', 'latin-ext', 'greek'];

/** Themes are CSS variables with the light theme as fallback; the renderer knows no variables. */
const lightTheme = (svg: string): string => svg.replace(/var\(--[\w-]+,\s*([^)]+)\)/g, '$1');

/** The font's files have no superscripts beyond ¹²³: they are set as small raised digits, and so is the T of a transpose. */
const raised = (svg: string): string =>
  svg.replace(/(<text[^>]*>)([^<]*)/g, (_, tag: string, written: string) => {
    const set = written.replace(
      /[⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ]+/g,
      (run) =>
        `<tspan baseline-shift="super" font-size="9">${run.replace(/./g, (c) => '−0123456789T'['⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ'.indexOf(c)]!)}</tspan>`,
    );
    return tag + set;
  });

let ready: Promise<Uint8Array[]> | undefined;

async function load(): Promise<Uint8Array[]> {
  await initWasm(readFileSync(require.resolve('@resvg/resvg-wasm/index_bg.wasm')));
  return scripts.map((script) =>
    readFileSync(require.resolve(`@fontsource-variable/inter/files/inter-${script}-wght-normal.woff2`)),
  );
}

/** One picture drawn: `take` reads what is needed before the drawing is freed. */
async function drawn<T>(
  svg: string,
  zoom: number,
  take: (image: ReturnType<InstanceType<typeof Resvg>['render']>) => T,
): Promise<T> {
  ready ??= load();
  const fontBuffers = await ready;
  const image = new Resvg(raised(lightTheme(svg)), {
    background: '#fcfcfa',
    fitTo: { mode: 'zoom', value: zoom },
    font: { fontBuffers, loadSystemFonts: false, defaultFontFamily: 'Inter Variable' },
  }).render();
  try {
    return take(image);
  } finally {
    image.free();
  }
}

/** Draws SVG text at `zoom` pixels per unit on paper; returns the bytes of a PNG file. */
export const pngOf = (svg: string, zoom = 2): Promise<Uint8Array> =>
  drawn(svg, zoom, (image) => image.asPng());

/** The same drawing as pixels: red, green, blue, opacity, row by row from the top. */
export const pixelsOf = (
  svg: string,
  zoom = 2,
): Promise<{ readonly rgba: Uint8Array; readonly width: number; readonly height: number }> =>
  drawn(svg, zoom, ({ pixels, width, height }) => ({ rgba: pixels, width, height }));
