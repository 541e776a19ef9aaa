/** @file An edited model on disk: its graph as ONNX, or its folded weights as ONNX or as a Hugging Face folder. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { EditError } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { exportFolder } from '../../models/export-folder.ts';
import { exportOnnx } from '../../models/export-onnx.ts';
import type { Model } from '../../models/types.ts';
import type { Edit } from '../kinds/registry.ts';
import { foldEdit } from './fold.ts';
import { exportEdited } from './onnx.ts';

export interface WrittenEdit {
  readonly folded: boolean;
  readonly files: readonly string[];
  readonly bytes: number;
}

/**
 * Writes an edited model; a name that does not end with .onnx is a folder, for folded weights.
 * @throws EditError `edit.not-foldable`, `edit.no-place-for-biases`; what applyEdit() throws; FileError
 */
export async function exportTo(
  model: Model,
  edit: Edit,
  { out, fold, external }: { readonly out: string; readonly fold: boolean; readonly external: boolean },
  context: WorkContext,
): Promise<WrittenEdit> {
  if (!fold) {
    const { files, bytes } = await exportEdited(model, edit, out, context, { external });
    return { folded: false, files, bytes };
  }
  const folded = await foldEdit(model, edit);
  if (extname(out).toLowerCase() === '.onnx') {
    await exportOnnx(folded, out, context);
    return { folded: true, ...(await sized([resolve(out), resolve(`${out}.data`)])) };
  }
  requireWritable(model, folded);
  await exportFolder(folded, out, context);
  const names = await readdir(out);
  return { folded: true, ...(await sized(names.sort().map((name) => resolve(join(out, name))))) };
}

/** Families whose configuration has a place for biases that the model did not have. */
const takesBiases: ReadonlySet<string> = new Set(['llama']);

function requireWritable(model: Model, { shape }: Model): void {
  const added = (shape.biases ?? []).filter((group) => !model.shape.biases?.includes(group));
  if (added.length === 0 || takesBiases.has(shape.family)) return;
  throw new EditError(
    'edit.no-place-for-biases',
    `the folded edit needs biases (${added.join(', ')}), for which config.json of ${shape.family} has no place`,
    { where: model.name, hint: 'write an .onnx file: it says what it has' },
  );
}

async function sized(files: readonly string[]): Promise<{ files: readonly string[]; bytes: number }> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return { files, bytes: sizes.reduce((a, b) => a + b, 0) };
}
