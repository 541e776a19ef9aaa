/** @file The table of docs/models.md, written from the committed result of bench:onnx-files. */
import type { FileResult } from './onnx-files.ts';

const START = '<!-- onnx-files: written by bench/onnx-files.ts -->';
const END = '<!-- /onnx-files -->';

/** The page with its table replaced; a page without the marks is returned as it is. */
export function withTable(page: string, files: readonly FileResult[]): string {
  const [before, rest] = page.split(START);
  const after = rest?.split(END)[1];
  return after === undefined ? page : `${before}${START}\n\n${table(files)}\n\n${END}${after}`;
}

function table(files: readonly FileResult[]): string {
  const rows = files.map((file) => {
    const { what, address, opset, parameters, fails } = file;
    if (fails !== undefined) return [what, shown(address), '', '', fails, '', ''];
    const read = typeof file.read === 'number' ? `${file.read} of ${file.sites}` : file.read;
    const gradient =
      typeof file.differentiated === 'number'
        ? `at ${file.differentiated} values${file.gradientError === undefined ? '' : `, ${file.gradientError.toExponential(0)}`}`
        : file.differentiated;
    return [
      what,
      shown(address),
      String(opset),
      count(parameters!),
      read,
      file.difference === undefined ? '' : file.difference === 0 ? '0' : file.difference.toExponential(0),
      gradient,
      file.stream ? `${file.stream} states` : `${file.cuts} cuts`,
    ];
  });
  const head = ['network', 'package', 'opset', 'parameters', 'sites read', 'off by', 'gradients', 'found'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Package and file, without folders. */
const shown = (address: string): string => {
  const [, manager, requirement, path] = /^(\w+):([^:]+):(.*)$/.exec(address)!;
  return `${manager} ${requirement}: ${path!.split('/').at(-1)}`;
};

const count = (n: number): string =>
  n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : n >= 1e3 ? `${(n / 1e3).toFixed(0)} k` : String(n);
