/**
 * @file Bias in Bios (De-Arteaga et al. 2019, arXiv:1901.09451), in the form of LabHC/bias_in_bios on the hub: Parquet with
 * `hard_text` (the biography without its first sentence), `profession` 0–27 and `gender` (0 male, 1 female). MIT licence.
 */
import { basename } from 'node:path';
import { DataError, throwIfAborted } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { openParquet } from '../parquet.ts';
import { type Biographies, type Biography, genders } from './types.ts';

/** By their number, as the data set's card lists them. */
export const professions: readonly string[] =
  `accountant architect attorney chiropractor comedian composer dentist dietitian dj filmmaker interior_designer
  journalist model nurse painter paralegal pastor personal_trainer photographer physician poet professor psychologist
  rapper software_engineer surgeon teacher yoga_teacher`.split(/\s+/);

const columns = ['hard_text', 'profession', 'gender'];

/**
 * The biographies of Parquet files on this disk, in their order.
 * @throws DataError `biographies.columns` (a column is missing), `biographies.row` (a number that no profession or gender
 *   has, or no text), `text.row`
 */
export async function readBiasInBios(
  paths: readonly string[],
  { signal }: WorkContext,
): Promise<Biographies> {
  const people: Biography[] = [];
  for (const path of paths) {
    const table = await openParquet(path);
    const missing = columns.filter((column) => !table.columns.includes(column));
    if (missing.length > 0) {
      throw new DataError('biographies.columns', `${path} has no column ${missing.join(', ')}`, {
        where: path,
        hint: `it has ${table.columns.slice(0, 8).join(', ')}; biographies need ${columns.join(', ')}`,
      });
    }
    let row = 0;
    for await (const { hard_text: text, profession, gender } of table.rows(columns)) {
      if (row % 4096 === 0) throwIfAborted(signal);
      const place = `${path}, row ${++row}`;
      const field = professions[Number(profession)];
      const told = genders[Number(gender)];
      if (typeof text !== 'string' || field === undefined || told === undefined)
        throw badRow(place, profession, gender);
      people.push({
        ...{ id: `${basename(path)}#${row}`, name: '', text, description: '', field },
        ...{ gender: told, natural: true },
      });
    }
  }
  return {
    people,
    fields: professions,
    unclear: 0,
    source: `Bias in Bios: ${people.length.toLocaleString('en')} biographies from the web, by profession`,
    attribution:
      'Text: Bias in Bios (De-Arteaga et al. 2019), MIT licence, as LabHC/bias_in_bios on the Hugging Face hub',
  };
}

const badRow = (where: string, profession: unknown, gender: unknown): DataError =>
  new DataError('biographies.row', `${where}: profession ${String(profession)}, gender ${String(gender)}`, {
    where,
    hint: `"hard_text" must be text, "profession" 0 to ${professions.length - 1}, "gender" 0 (male) or 1 (female)`,
  });
