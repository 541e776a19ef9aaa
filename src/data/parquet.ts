/** @file Rows of a Parquet table on disk, one row group in memory at a time. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DataError } from '../core/errors.ts';

export interface ParquetTable {
  readonly columns: readonly string[];
  /** Its rows in order, with the values of `columns` alone. @throws DataError `text.row` when it is damaged */
  rows(columns: readonly string[]): AsyncGenerator<Readonly<Record<string, unknown>>>;
}

/** Opens a table. @throws DataError `text.row` when it is none */
export async function openParquet(path: string): Promise<ParquetTable> {
  const broken = (error: unknown): never => {
    throw new DataError('text.row', `${path} cannot be read as Parquet: ${(error as Error).message}`, {
      where: path,
      hint: 'write the table again',
      cause: error,
    });
  };
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file).catch(broken);
  return {
    columns: parquetSchema(metadata).children.map((column) => column.element.name),
    async *rows(columns) {
      let rowStart = 0;
      for (const group of metadata.row_groups) {
        const rowEnd = rowStart + Number(group.num_rows);
        const range = { file, metadata, compressors, rowStart, rowEnd };
        yield* (await parquetReadObjects({ ...range, columns: [...columns] }).catch(broken)) as Record<
          string,
          unknown
        >[];
        rowStart = rowEnd;
      }
    },
  };
}
