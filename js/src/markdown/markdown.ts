/** The entry of `markdown.js`: see `MarkdownModule`. */
import { BlockCache } from "./BlockCache.ts";
import type { Blocks } from "./port.ts";
import { renderBlock } from "./renderBlock.ts";

export function newBlocks(): Blocks {
  return new BlockCache(renderBlock);
}
