/** @file The Hugging Face hub, or a mirror of it (HF_ENDPOINT): what a repository holds, its files, its refusals explained. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { FileError, ModelError, nearestNames } from '../core/errors.ts';
import { silent, type WorkContext } from '../core/progress.ts';
import { download } from '../files/download.ts';
import { type Refusal, refusalOf, request } from '../files/http.ts';

/** What a user writes: `owner/name`, `owner/name@revision`, `owner/name:choice`, or all of it. */
export interface HubId {
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** A file, or a part of its name, where the repository holds several models (`Q4_K_M`). */
  readonly choice?: string;
  /** The hub keeps data sets apart from models; a model unless said otherwise. */
  readonly kind?: 'dataset';
}

/** A file of a repository and how its content is checked. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** Of large files. */
  readonly sha256?: string;
  /** Of small ones: the SHA-1 that git gives them. */
  readonly gitSha1?: string;
}

export interface HubRepository {
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  readonly licence?: string;
  readonly gated: boolean;
  readonly files: readonly HubFile[];
}

/** Seconds that the hub gets to answer: it is one of several ways, and offline the next one should come soon. */
const PATIENCE = 5;

/** Reads what a user wrote; undefined when it is no address on the hub. */
export function parseHubId(text: string): HubId | undefined {
  const match = /^(?:hf:)?([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w./-]+))?(?::(.+))?$/.exec(text);
  if (!match || text.includes('..')) return undefined;
  const [, repository, revision = 'main', choice] = match;
  return { repository: repository!, revision, ...(choice === undefined ? {} : { choice }) };
}

/** Whether downloads from the hub are switched off. */
export const hubIsOff = (): boolean =>
  !['', '0', 'no', 'off', 'false'].includes((process.env.HF_HUB_OFFLINE ?? '').toLowerCase());

export const hubEndpoint = (): string =>
  (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');

/** The folder of everything that belongs to the hub: HF_HOME, or `~/.cache/huggingface`. */
export const hubHome = (): string =>
  process.env.HF_HOME || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');

/** The user's token: HF_TOKEN, or what `hf auth login` left in a file. */
function token(): string | undefined {
  const { HF_TOKEN, HF_TOKEN_PATH } = process.env;
  if (HF_TOKEN !== undefined) return HF_TOKEN.trim() || undefined;
  const path = HF_TOKEN_PATH || join(hubHome(), 'token');
  return (existsSync(path) && readFileSync(path, 'utf8').trim()) || undefined;
}

/** The token goes to the hub alone: fetch drops it when an answer leads to another host. */
const authorisation = (): Record<string, string> => {
  const own = token();
  return own ? { authorization: `Bearer ${own}` } : {};
};

const infoSchema = z.looseObject({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  gated: z.union([z.boolean(), z.string()]).nullish(),
  cardData: z.looseObject({ license: z.union([z.string(), z.array(z.string())]).nullish() }).nullish(),
  siblings: z.array(
    z.looseObject({
      rfilename: z.string(),
      size: z.number().int().nonnegative(),
      blobId: z.string().regex(/^[0-9a-f]{40}$/),
      lfs: z.looseObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }).nullish(),
    }),
  ),
});

/**
 * What the repository holds at that revision, with sizes and hashes: one request.
 * @throws ModelError as explain(); FileError `file.download`, `file.rate-limit`, `file.offline`
 */
export async function askHub(id: HubId, context: WorkContext): Promise<HubRepository> {
  const { repository, revision } = id;
  const url = `${hubEndpoint()}/api/${listOf(id)}/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const info = infoSchema.safeParse(await getJson(url, context).catch((e) => explain(e, id, context)));
  if (!info.success) {
    throw new ModelError('hub.answer', `${hubEndpoint()} does not answer as the Hugging Face hub does`, {
      where: url,
      hint: 'check HF_ENDPOINT; it should lead to the hub or to a full mirror of it',
      cause: info.error,
    });
  }
  const { sha: commit, gated, cardData, siblings } = info.data;
  const licence = [cardData?.license ?? []].flat().join(', ');
  return {
    repository,
    revision,
    commit,
    gated: gated === true || typeof gated === 'string',
    ...(licence ? { licence } : {}),
    // A name that leads out of the repository's folder is not taken.
    files: siblings
      .filter(({ rfilename }) => isPlain(rfilename))
      .map(({ rfilename: path, size, blobId, lfs }) => ({
        path,
        size,
        ...(lfs ? { sha256: lfs.sha256 } : { gitSha1: blobId }),
      })),
  };
}

/** Where the hub lists repositories of a kind. */
const listOf = ({ kind }: Pick<HubId, 'kind'>): 'datasets' | 'models' =>
  kind === 'dataset' ? 'datasets' : 'models';

/** Whether a path stays inside its folder on every system. */
export const isPlain = (path: string): boolean =>
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\:\0]/.test(part));

/**
 * Downloads one file of a repository to `target`, checked by its hash.
 * @throws as askHub and download()
 */
export async function fetchHubFile(
  id: Pick<HubId, 'repository' | 'revision' | 'kind'>,
  file: Pick<HubFile, 'path' | 'sha256' | 'gitSha1'> & { readonly size?: number },
  target: string,
  context: WorkContext,
): Promise<void> {
  const { repository, revision, kind } = id;
  requireOnline(repository);
  const { path, ...check } = file;
  const place = [
    ...(kind === 'dataset' ? [listOf(id)] : []),
    repository,
    'resolve',
    encodeURIComponent(revision),
    ...path.split('/').map(encodeURIComponent),
  ];
  const headers = authorisation();
  await download(`${hubEndpoint()}/${place.join('/')}`, target, {
    ...context,
    ...check,
    patience: PATIENCE,
    headers,
  }).catch((error: unknown) => explain(error, id, context));
}

/** @throws FileError `file.offline` when HF_HUB_OFFLINE is set */
function requireOnline(where: string): void {
  if (!hubIsOff()) return;
  throw new FileError('file.offline', 'the Hugging Face hub is switched off by HF_HUB_OFFLINE', {
    where,
    hint: 'unset HF_HUB_OFFLINE to allow downloads',
  });
}

async function getJson(url: string, context: WorkContext): Promise<unknown> {
  requireOnline(url);
  return request(url, { ...context, patience: PATIENCE, headers: authorisation() }, async ({ body }) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    try {
      return JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown;
    } catch {
      return undefined;
    }
  });
}

/**
 * The hub's refusals in our words (huggingface_hub, utils/_http.py: status and the header X-Error-Code).
 * @throws ModelError `hub.gated`, `hub.token`, `hub.no-repository` (names those alike), `hub.no-revision`,
 *   `hub.no-file`; any other error as it is
 */
async function explain(error: unknown, id: Asked, context: WorkContext): Promise<never> {
  const refusal = refusalOf(error);
  if (!refusal || ![401, 403, 404].includes(refusal.status)) throw error;
  throw await explained(refusal, id, context);
}

type Asked = Pick<HubId, 'repository' | 'kind'>;

async function explained(refusal: Refusal, id: Asked, context: WorkContext): Promise<ModelError> {
  const { repository, kind: what = 'model' } = id;
  const page = `${hubEndpoint()}/${what === 'dataset' ? 'datasets/' : ''}${repository}`;
  const kind = refusal.headers.get('x-error-code');
  const refused = (code: string, message: string, hint: string) =>
    new ModelError(code, message, { where: page, hint, cause: refusal });
  const signedIn = token() !== undefined;
  if (kind === 'GatedRepo' || (refusal.status === 403 && signedIn)) {
    const how = signedIn
      ? 'open the page in a browser with the account of your token, accept the conditions, and wait for the grant; the token must be allowed to read gated repositories'
      : `open the page in a browser, sign in, accept the conditions; then make a token at ${hubEndpoint()}/settings/tokens and set it as HF_TOKEN`;
    return refused('hub.gated', `${repository} is gated: its authors give it to those who ask`, how);
  }
  if (kind === 'RevisionNotFound')
    return refused(
      'hub.no-revision',
      `${repository} has no such branch, tag or commit`,
      `look at ${page}/tree/main`,
    );
  if (kind === 'EntryNotFound')
    return refused(
      'hub.no-file',
      `${repository} has no such file at this revision`,
      `look at ${page}/tree/main`,
    );
  if (refusal.status === 401 && signedIn && kind !== 'RepoNotFound') {
    const how = `make a new one at ${hubEndpoint()}/settings/tokens, or unset HF_TOKEN for public models`;
    return refused('hub.token', 'the hub does not accept your token', how);
  }
  const near = await alike(id, context);
  const guess = near.length > 0 ? `did you mean ${near.join(', ')}? ` : '';
  return refused(
    'hub.no-repository',
    `the hub has no ${what === 'dataset' ? 'data set' : 'model'} ${repository}, or it is private`,
    `${guess}Check owner and name; for a private one set HF_TOKEN`,
  );
}

/** Up to three repositories of a similar name: what the hub finds under it, else what its owner has. */
async function alike(id: Asked, context: WorkContext): Promise<string[]> {
  const { repository } = id;
  const [owner, name] = repository.split('/') as [string, string];
  const ask = async (query: string): Promise<string[]> => {
    const url = `${hubEndpoint()}/api/${listOf(id)}?limit=100&${query}`;
    const found = await getJson(url, { ...context, progress: silent }).catch(() => []);
    return (listSchema.safeParse(found).data ?? []).map(({ id }) => id);
  };
  const named = await ask(`search=${encodeURIComponent(name)}`);
  return nearestNames(
    repository,
    named.length > 0 ? named : await ask(`author=${encodeURIComponent(owner)}`),
  );
}

const listSchema = z.array(z.looseObject({ id: z.string() }));
