import type { Token } from "marked";
import { blockToHtml } from "./markedLexer.ts";
import { sanitise } from "./sanitise.ts";

/** Safe HTML of one block. Sanitising comes last, whatever the parser made (RD1). */
export function renderBlock(token: Token): string {
  try {
    return sanitise(blockToHtml(token));
  } catch {
    // Nested deeper than the stack: shown as it was written.
    const paragraph = document.createElement("p");
    paragraph.textContent = token.raw;
    return paragraph.outerHTML;
  }
}
