/** @file Where the feature pages come from: the databases of a workspace, opened when first asked for. */
import { DictionaryError, StudyError } from '../core/errors.ts';
import { type FeatureDatabase, openFeatureDatabase } from '../dictionaries/feature-reader.ts';
import type { FeatureDetail, FeatureList, FeatureQuery } from './shapes.ts';

export interface FeatureSource {
  /** A page of the feature table of `site`; undefined when the site has no database (yet). */
  list(site: string, query: FeatureQuery): Promise<FeatureList | undefined>;
  /** One feature in full; undefined when the site or the feature does not exist. */
  read(site: string, id: number): Promise<FeatureDetail | undefined>;
  close(): Promise<void>;
}

/** No features at all. */
export const noFeatures: FeatureSource = {
  list: async () => undefined,
  read: async () => undefined,
  close: async () => {},
};

/**
 * The feature databases in the folders that `folderOf` names by site: those of the steps `features/SITE`. A database
 * that is not there yet is looked for again at the next question.
 */
export function featureSource(folderOf: (site: string) => string | undefined): FeatureSource {
  const open = new Map<string, Promise<FeatureDatabase | undefined>>();
  const database = (site: string): Promise<FeatureDatabase | undefined> => {
    const folder = folderOf(site);
    if (folder === undefined) return Promise.resolve(undefined);
    const known = open.get(folder);
    if (known) return known;
    const opening = openFeatureDatabase(folder).catch((error: unknown) => {
      open.delete(folder);
      if (error instanceof DictionaryError && error.code === 'dictionary.no-features') return undefined;
      throw error;
    });
    open.set(folder, opening);
    return opening;
  };
  return {
    list: async (site, query) => (await database(site))?.list(query),
    async read(site, id) {
      const feature = await (await database(site))?.read(id);
      return feature && { ...feature, site };
    },
    async close() {
      const opened = await Promise.allSettled(open.values());
      open.clear();
      for (const one of opened) if (one.status === 'fulfilled') one.value?.close();
    },
  };
}

/** The error for a site without a database, naming the sites that have one. */
export const unknownSite = (site: string, known: readonly string[]) =>
  new StudyError('studio.unknown-site', `no features are known for the site ${site}`, {
    where: site,
    hint:
      known.length > 0
        ? `sites with features: ${known.join(', ')}`
        : 'the features have not been learned yet; this page fills when they are',
  });
