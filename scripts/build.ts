/** @file Builds what a checkout needs beside its sources: WebAssembly kernels and the Studio's pages, when stale. */
import { buildKernels } from './build-kernels.ts';
import { buildWeb } from './build-web.ts';

await buildKernels();
await buildWeb();
