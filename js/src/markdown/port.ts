/** A top-level piece of a message: where it begins in the text, and its sanitised HTML. */
export interface Block {
  readonly start: number;
  readonly raw: string;
  readonly html: string;
}

/** The blocks of one text that may grow. */
export interface Blocks {
  update(text: string): readonly Block[];
}

/**
 * What `markdown.js` is to the rest of the bundle: the parser and the sanitiser, which are too heavy to travel with every
 * widget. The server may serve that of another version: what changes here in a way that does not fit gets a new name.
 */
export interface MarkdownModule {
  newBlocks(): Blocks;
}

/** `missing`: it could not be had; text is then shown as it was written. */
export type MarkdownState = MarkdownModule | "loading" | "missing";
