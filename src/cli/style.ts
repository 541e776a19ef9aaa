/** @file Colour on a terminal, and none elsewhere. */
import pc from 'picocolors';

export interface StyleText {
  strong(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  accent(text: string): string;
}

/** Styles for a stream that is (not) a terminal; NO_COLOR and the like are respected. */
export function styleText(terminal: boolean): StyleText {
  const colours = pc.createColors(terminal && pc.isColorSupported);
  return {
    strong: colours.bold,
    faint: colours.dim,
    good: colours.green,
    bad: colours.red,
    accent: colours.cyan,
  };
}
