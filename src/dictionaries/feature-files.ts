/** @file Names of a feature database's files, and text as SQL writes it: what its writer and its reader share. */

export const FILES = { features: 'features.parquet', passages: 'passages.parquet' } as const;

/** SQL text of a string. */
export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
