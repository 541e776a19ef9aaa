/** @file What a text is: documents, so that training and held-out text never share one. */

/** One article, chapter, speech or row. */
export interface TextDocument {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}
