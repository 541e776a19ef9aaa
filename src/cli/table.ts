/** @file Tables on a terminal: columns as wide as they need, numbers to the right. */

/** Width in characters as a terminal shows it (all our text is one cell a character). */
const width = (text: string): number => [...text].length;

/** Rows under a header; columns whose cells all begin with a digit or sign stand to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(width(name), ...rows.map((row) => width(row[column] ?? ''))),
  );
  const right = header.map((_, column) => rows.every((row) => /^[-+−]?\d|^$/.test(row[column] ?? '')));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const pad = ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
        return right[column] ? pad + cell : cell + pad;
      })
      .join('  ')
      .trimEnd();
  return [header, ...rows].map((cells) => `  ${line(cells)}\n`).join('');
}
