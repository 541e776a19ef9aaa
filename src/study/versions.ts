/** @file Versions of what makes a result: for manifests and reports. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const versionOf = (path: string): string => (require(path) as { version: string }).version;

/** Version of this package. */
export const untangleVersion = (): string => versionOf('../../package.json');

/** Versions that a result depends on. */
export const versions = (): Record<string, string> => ({
  untangle: untangleVersion(),
  node: process.versions.node,
  onnxruntime: versionOf('onnxruntime-node/package.json'),
});
