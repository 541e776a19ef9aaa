/** @file The types the pages share with the server; types only, nothing of the server is bundled. */
export type * from '../../../src/studio/shapes.ts';
