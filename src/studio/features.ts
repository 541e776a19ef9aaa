/** @file Where the feature pages come from: the interface the routes need. */
import { StudyError } from '../core/errors.ts';
import type { FeatureDetail, FeatureList, FeatureQuery } from './shapes.ts';

export interface FeatureSource {
  /** A page of the feature table of `site`; undefined when the site has no database (yet). */
  list(site: string, query: FeatureQuery): Promise<FeatureList | undefined>;
  /** One feature in full; undefined when the site or the feature does not exist. */
  read(site: string, id: number): Promise<FeatureDetail | undefined>;
}

/** No features yet. */
export const noFeatures: FeatureSource = { list: async () => undefined, read: async () => undefined };

/** The error for a site without a database, naming the sites that have one. */
export const unknownSite = (site: string, known: readonly string[]) =>
  new StudyError('studio.unknown-site', `no features are known for the site ${site}`, {
    where: site,
    hint:
      known.length > 0
        ? `sites with features: ${known.join(', ')}`
        : 'the features have not been learned yet; this page fills when they are',
  });
