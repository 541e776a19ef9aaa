/** @file What a model is, for people: opened when it is here, by what the hub says of it when it is not. */
import type { WorkContext } from '../core/progress.ts';
import { isHere } from './catalogue.ts';
import { chatTemplate, endTokens } from './chat.ts';
import { describeInput, isFree } from './free.ts';
import { askHub, parseHubId } from './hub.ts';
import { chooseRemote, findSnapshot, hashesOf } from './hub-cache.ts';
import { openModel } from './open.ts';
import type { ModelFile } from './pull.ts';
import { longestText } from './rotary.ts';
import type { Tokenizer } from './types.ts';

export interface ModelDescription {
  readonly name: string;
  readonly here: boolean;
  readonly source: string;
  readonly note?: string;
  readonly licence?: string;
  readonly commit?: string;
  readonly gated?: boolean;
  readonly family?: string;
  readonly parameters?: number;
  readonly shape?: Readonly<Record<string, unknown>>;
  /** Longest text in tokens. */
  readonly longestText?: number;
  readonly tokenizer?: string;
  readonly chatTemplate?: boolean;
  /** Inputs of a network that came as a graph. */
  readonly inputs?: readonly string[];
  readonly sites?: { readonly count: number; readonly examples: readonly string[] };
  readonly hash?: string;
  readonly files: readonly ModelFile[];
}

/**
 * Describes a model. One of the hub that is not here is not fetched.
 * @throws as openModel() and askHub()
 */
export async function describeModel(name: string, context: WorkContext): Promise<ModelDescription> {
  const id = parseHubId(name);
  if (id && !(await isHere(name))) {
    const found = await askHub(id, context);
    const none = async (): Promise<string> => {
      throw new Error('not fetched');
    };
    // The index of a model in many files would have to be fetched to know them: then all that lies there is shown.
    const chosen = await chooseRemote(found, id, none).then(
      ({ files }) => new Set(files),
      () => new Set(found.files.map((file) => file.path)),
    );
    return {
      name: found.repository,
      here: false,
      source: 'Hugging Face hub; untangle models pull fetches it',
      commit: found.commit,
      gated: found.gated,
      ...(found.licence ? { licence: found.licence } : {}),
      files: found.files
        .filter((file) => chosen.has(file.path))
        .map(({ path, size, sha256, gitSha1 }) => ({ path, size, hash: sha256 ?? gitSha1! })),
    };
  }
  const model = await openModel(name, context);
  const snapshot = id && (await findSnapshot(id));
  const sites = {
    count: model.sites.length,
    examples: [0, Math.floor(model.sites.length / 2), model.sites.length - 1].flatMap(
      (i) => model.sites[i]?.name ?? [],
    ),
  };
  const common = {
    name: model.name,
    here: true,
    source: model.source,
    ...(model.note ? { note: model.note } : {}),
    ...(snapshot
      ? { commit: snapshot.commit, ...(snapshot.licence ? { licence: snapshot.licence } : {}) }
      : {}),
  };
  const rest = {
    parameters: model.parameters,
    sites,
    hash: model.hash,
    files: snapshot ? await hashesOf(snapshot) : [],
  };
  if (isFree(model))
    return { ...common, ...rest, family: `graph (${model.kind})`, inputs: model.inputs.map(describeInput) };
  return {
    ...common,
    family: model.shape.family,
    shape: { ...model.shape },
    longestText: longestText(model.shape),
    ...(model.tokenizer.files
      ? { tokenizer: kindOf(model.tokenizer), chatTemplate: chatTemplate(model.tokenizer) !== undefined }
      : {}),
    ...rest,
  };
}

/** `BPE, 49152 tokens, ends with <|im_end|>`. */
function kindOf(tokenizer: Tokenizer): string {
  const { model } = (tokenizer.files?.tokenizer ?? {}) as { model?: { type?: unknown } };
  const ends = endTokens(tokenizer).map((id) => tokenizer.token(id));
  const parts = [String(model?.type ?? 'unknown'), `${tokenizer.size} tokens`];
  if (tokenizer.bos !== undefined) parts.push(`begins with ${tokenizer.token(tokenizer.bos)}`);
  if (ends.length > 0) parts.push(`ends with ${ends.join(', ')}`);
  return parts.join(', ');
}
