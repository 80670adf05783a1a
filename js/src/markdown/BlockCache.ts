import type { Token } from "marked";
import { lexBlocks } from "./markedLexer.ts";
import type { Block, Blocks } from "./port.ts";

/** A line that may define a link (`[name]: url`), which can change blocks before and after it. */
const LINK_DEFINITION = /^[ \t>*+\-0-9.)]*\[(?:\\[\s\S]|[^[\]\\])+\]:/m;
/** Blocks at the end that later text can still change or join; one would do for all known cases, two are the margin. */
const UNSTABLE_BLOCKS = 2;

/**
 * Turns a growing text into blocks, at a cost that depends on what is new and not on what is there (G8).
 * The result is the same as for the whole text at once, whatever the pieces were (MG2).
 */
export class BlockCache implements Blocks {
  private blocks: readonly Block[] = [];
  /** The text before this offset was lexed into blocks that no later text can change. */
  private stableEnd = 0;
  /** The whole lines by which that was judged: while the text begins with them, the judgement holds. */
  private judgedText = "";
  private hasDefinitions = false;
  private links = "";

  /** `render` makes the HTML of one block; the same token must always give the same HTML. */
  constructor(private readonly render: (token: Token) => string) {}

  update(source: string): readonly Block[] {
    const text = source.includes("\r") ? source.replace(/\r\n?/g, "\n") : source;
    if (!text.startsWith(this.judgedText)) this.reset();
    // In the whole text: a label may be open since long ago, and closing it changes everything after it.
    this.hasDefinitions ||= LINK_DEFINITION.test(text);
    if (this.hasDefinitions) this.rewind();
    const kept = this.blocks.filter((block) => block.start < this.stableEnd);
    this.blocks = [...kept, ...this.lexTail(text)];
    return this.blocks;
  }

  private lexTail(text: string): readonly Block[] {
    const tokens = lexBlocks(text.slice(this.stableEnd));
    const links = this.hasDefinitions ? JSON.stringify(tokens.links) : "";
    const known = links === this.links ? new Map(this.blocks.map((block) => [block.raw, block])) : new Map();
    this.links = links;
    const blocks = placed(tokens, this.stableEnd).map(({ token, start }) => this.toBlock(token, start, known));
    if (!this.hasDefinitions) this.settle(text);
    return blocks;
  }

  private toBlock(token: Token, start: number, known: ReadonlyMap<string, Block>): Block {
    return { start, raw: token.raw, html: known.get(token.raw)?.html ?? this.render(token) };
  }

  /** Judged by whole lines only: half a line can make a table or a list of what is none. */
  private settle(text: string): void {
    const lineEnd = text.lastIndexOf("\n") + 1;
    if (lineEnd <= this.judgedText.length) return;
    this.judgedText = text.slice(0, lineEnd);
    const lines = text.slice(this.stableEnd, lineEnd);
    const tokens = lexBlocks(lines);
    const isExact = tokens.reduce((length, token) => length + token.raw.length, 0) === lines.length;
    const firstUnstable = placed(tokens, this.stableEnd).at(-UNSTABLE_BLOCKS);
    if (isExact && firstUnstable) this.stableEnd = firstUnstable.start;
  }

  /** Lexes from the beginning again, but keeps what was rendered. */
  private rewind(): void {
    this.stableEnd = 0;
    this.judgedText = "";
  }

  private reset(): void {
    this.rewind();
    this.blocks = [];
    this.hasDefinitions = false;
  }
}

/** The tokens that show something, each with its offset in the text. */
function placed(tokens: readonly Token[], from: number): readonly { token: Token; start: number }[] {
  let end = from;
  return tokens.flatMap((token) => {
    const start = end;
    end += token.raw.length;
    return token.type === "space" || token.type === "def" ? [] : { token, start };
  });
}
