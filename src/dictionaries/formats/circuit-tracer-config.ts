/**
 * @file config.yaml of circuit-tracer: where its transcoders read and write, and where their files are when they lie
 * elsewhere (circuit_tracer/utils/hf_utils.py, version 0.5).
 */
import { parse } from 'yaml';
import { z } from 'zod';
import { DictionaryError, FileError } from '../../core/errors.ts';
import { readText } from '../../files/atomic.ts';
import { exists } from '../../files/cache.ts';
import { type HubId, parseHubId } from '../../models/hub.ts';
import { unsupported } from './format.ts';
import { siteInBlock } from './sites.ts';

export const CONFIG = 'config.yaml';

const configSchema = z.looseObject({
  model_name: z.string().nullish(),
  model_kind: z.string().nullish(),
  feature_input_hook: z.string().nullish(),
  feature_output_hook: z.string().nullish(),
  activation: z.string().nullish(),
  k: z.int().min(1).nullish(),
  /** One address for each layer; without it the files lie beside this one. */
  transcoders: z.array(z.unknown()).nullish(),
});
export type Config = z.output<typeof configSchema>;

/** What the file at `path` says; nothing when there is none. @throws FileError `file.yaml` */
export async function configOf(path: string): Promise<Config> {
  if (!(await exists(path))) return {};
  const text = await readText(path);
  try {
    // Aliases may not multiply what the file holds.
    return configSchema.parse(parse(text, { maxAliasCount: 10 }));
  } catch (cause) {
    throw new FileError(
      'file.yaml',
      `${path} has not the expected form: ${(cause as Error).message.slice(0, 500)}`,
      {
        where: path,
        hint: 'it should be the config.yaml of a set of transcoders for circuit-tracer',
        cause,
      },
    );
  }
}

/** Site and output by the hooks that the configuration names, in the block of `layer` and of `target`. */
export function hooks({ feature_input_hook: input, feature_output_hook: output, model_name: model }: Config) {
  return {
    reads: (layer: number) => (input ? { site: siteInBlock(layer, input) } : {}),
    writes: (layer: number) => (output ? { site: siteInBlock(layer, output) } : {}),
    about: model ? { model } : {},
  };
}

/** The list of a repository without files of its own that `choice` means, among its names; undefined when it has none. */
export function listFor(names: readonly string[], choice: string | undefined): string | undefined {
  const slash = choice?.lastIndexOf('/') ?? -1;
  const path = `${slash < 0 ? '' : choice!.slice(0, slash + 1)}${CONFIG}`;
  return names.includes(path) ? path : undefined;
}

/** A transcoder that a list names: its file on the hub, and what the list says of it. */
export interface Listed {
  readonly id: HubId;
  readonly site?: string;
  readonly output?: string;
  readonly model?: string;
}

/**
 * The transcoder that `choice` (`layer_3`) means in the list at `path`; undefined when the file lists none.
 * @throws FileError `file.yaml`; DictionaryError `dictionary.several`, `dictionary.unsupported`
 */
export async function listed(path: string, choice: string | undefined): Promise<Listed | undefined> {
  const config = await configOf(path);
  if (!config.transcoders?.length) return undefined;
  const [, number] = /(?:^|\/)layer_(\d+)$/.exec(choice ?? '') ?? [];
  const layer = Number(number);
  const address = number === undefined ? undefined : config.transcoders[layer];
  if (address === undefined) {
    throw new DictionaryError(
      'dictionary.several',
      `${path} lists ${config.transcoders.length} transcoders`,
      {
        where: path,
        hint: `name one behind a colon: layer_0 to layer_${config.transcoders.length - 1}`,
      },
    );
  }
  const id = typeof address === 'string' ? hubAddress(address) : undefined;
  if (!id) {
    const what = String(typeof address === 'string' ? address : typeof address).slice(0, 200);
    throw unsupported(
      path,
      `${path} names no file of the hub for layer ${layer} but "${what}"`,
      'name that file itself',
    );
  }
  const { reads, writes, about } = hooks(config);
  const { site } = reads(layer);
  const { site: output } = writes(layer);
  return { id, ...(site ? { site } : {}), ...(output ? { output } : {}), ...about };
}

/** `hf://owner/name/path?revision=…` */
function hubAddress(address: string): HubId | undefined {
  const [, repository, path, revision] =
    /^hf:\/\/([^/]+\/[^/]+)\/([^?]+)(?:\?(revision=[^&]+))?$/.exec(address) ?? [];
  if (repository === undefined) return undefined;
  // URLSearchParams takes any text, also what is no encoding of one.
  const at = revision === undefined ? '' : `@${new URLSearchParams(revision).get('revision')}`;
  return parseHubId(`${repository}${at}:${path}`);
}
