/** @file Files from the Hugging Face hub, or a mirror of it (HF_ENDPOINT), with the user's token (HF_TOKEN). */
import { join } from 'node:path';
import { FileError } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { readJson } from '../files/atomic.ts';
import { download } from '../files/download.ts';
import { FILES, indexSchema, shardNames } from './huggingface.ts';

export interface HubFile {
  readonly repository: string;
  readonly revision: string;
  readonly file: string;
  readonly sha256?: string;
}

/** Seconds that the hub gets to answer: it is one of several ways, and offline the next one should come soon. */
const PATIENCE = 5;

/**
 * Downloads one file of a repository to `target`.
 * @throws FileError `file.offline` when HF_HUB_OFFLINE is set; as download()
 */
export async function fetchFromHub(hub: HubFile, target: string, context: WorkContext): Promise<void> {
  const { HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE } = process.env;
  if (HF_HUB_OFFLINE && HF_HUB_OFFLINE !== '0') {
    throw new FileError('file.offline', 'the Hugging Face hub is switched off by HF_HUB_OFFLINE', {
      where: hub.repository,
      hint: 'unset HF_HUB_OFFLINE to allow downloads',
    });
  }
  const endpoint = (HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  const path = [hub.repository, 'resolve', hub.revision, hub.file];
  await download(`${endpoint}/${path.join('/')}`, target, {
    ...context,
    patience: PATIENCE,
    ...(hub.sha256 === undefined ? {} : { sha256: hub.sha256 }),
    ...(HF_TOKEN ? { headers: { authorization: `Bearer ${HF_TOKEN}` } } : {}),
  });
}

/** Whether a failed download means that the file is not in the repository. */
const isAbsent = (error: unknown): boolean => error instanceof FileError && / 404\b/.test(error.message);

/**
 * Downloads config, tokenizer and safetensors (one file, or those of the index) of `owner/name` into `folder`.
 * @throws FileError as fetchFromHub
 */
export async function fetchModelFolder(
  repository: string,
  folder: string,
  context: WorkContext,
): Promise<void> {
  const get = (file: string) =>
    fetchFromHub({ repository, revision: 'main', file }, join(folder, file), context);
  const getIfThere = (file: string) =>
    get(file).then(
      () => true,
      (error: unknown) => {
        if (isAbsent(error)) return false;
        throw error;
      },
    );
  await get(FILES.config);
  await get(FILES.tokenizer);
  await getIfThere(FILES.tokenizerConfig);
  if (await getIfThere(FILES.index)) {
    const index = await readJson(join(folder, FILES.index), indexSchema);
    for (const shard of shardNames(index, repository)) await get(shard);
  } else await get(FILES.weights);
}
