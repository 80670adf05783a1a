import { Lexer, Parser, Renderer, type Token, type TokensList } from "marked";

class PlainRenderer extends Renderer {
  /** A task list's box is a character: no form elements in a message. */
  override checkbox({ checked }: { checked: boolean }): string {
    return checked ? "☑ " : "☐ ";
  }
}

/**
 * An inline tag that is never closed (`<pre>`, `<a>`) changes how marked reads all that follows, across blocks. Here it
 * ends with its block, so that a block is the same whatever stands before it.
 */
class BlockLexer extends Lexer {
  private depth = 0;

  override inlineTokens(text: string, tokens?: Token[]): Token[] {
    if (this.depth === 0) Object.assign(this.state, { inLink: false, inRawBlock: false });
    this.depth += 1;
    try {
      return super.inlineTokens(text, tokens);
    } finally {
      this.depth -= 1;
    }
  }
}

const OPTIONS = { gfm: true, breaks: false, renderer: new PlainRenderer() };

/** Splits Markdown into top-level blocks; their `raw` texts together are the text. */
export function lexBlocks(text: string): TokensList {
  try {
    return new BlockLexer(OPTIONS).lex(text);
  } catch {
    // Nested deeper than the parser's stack: shown as it was written.
    const whole: Token = { type: "text", raw: text, text, escaped: false };
    return Object.assign([whole], { links: {} });
  }
}

/** HTML of one block. Not safe to show before `sanitise`. */
export function blockToHtml(token: Token): string {
  return new Parser(OPTIONS).parse([token]);
}
