import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BlockCache } from "../src/markdown/BlockCache.ts";
import { blockToHtml } from "../src/markdown/markedLexer.ts";
import { PIECES, SAMPLES } from "./support/markdownSamples.ts";

/** Sanitising is left out: it is a function of this HTML, so what is equal here is equal on the screen. */
function newCache(): BlockCache {
  return new BlockCache(blockToHtml);
}

function joined(cache: BlockCache, text: string): string {
  return cache
    .update(text)
    .map((block) => block.html)
    .join("\n");
}

function atOnce(text: string): string {
  return joined(newCache(), text);
}

/** Feeds a text in pieces that end at `cuts`. */
function streamed(text: string, cuts: readonly number[]): string {
  const cache = newCache();
  const ends = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((left, right) => left - right);
  for (const end of ends) cache.update(text.slice(0, end));
  return joined(cache, text);
}

describe("streaming", () => {
  test.each(SAMPLES.map((sample) => [sample.slice(0, 30), sample]))(
    "[MG2] by single characters: %j",
    (_name, sample) => {
      const every = Array.from(sample, (_char, index) => index);
      expect(streamed(sample, every)).toBe(atOnce(sample));
    },
  );

  test("[MG2] any text in any pieces gives the same HTML as at once", () => {
    const piece = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...PIECES) }, fc.string({ maxLength: 4 }));
    const text = fc.array(piece, { maxLength: 24 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 400 }), { maxLength: 40 }), (sample, cuts) => {
        expect(streamed(sample, cuts)).toBe(atOnce(sample));
      }),
      { numRuns: 1_500 },
    );
  });

  test("a text that was replaced, not grown, is rendered anew", () => {
    const cache = newCache();
    cache.update("# One\n\ntwo\n\nthree\n\nfour");
    expect(cache.update("other").map((block) => block.html)).toEqual(["<p>other</p>\n"]);
  });

  test.each([
    ["half a line that looks like a table's second", " <#\r\n|\n- item", [9]],
    ["an inline tag that is never closed", "!<pre>\n\n#\n\n#-->\n\nx > y\n\nend", [12, 16]],
    ["a list item whose number comes late", "1. a\n\n2. b\n\nx", [6, 7]],
  ])("[MG2] found by fuzzing: %s", (_name, text, cuts) => {
    expect(streamed(text, cuts)).toBe(atOnce(text));
  });

  test("a text whose end was replaced is the same as that text at once", () => {
    const piece = fc.constantFrom(...PIECES);
    const text = fc.array(piece, { maxLength: 16 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, text, text, (start, before, after) => {
        const cache = newCache();
        cache.update(start + before);
        expect(joined(cache, start + after)).toBe(atOnce(start + after));
      }),
      { numRuns: 1_000 },
    );
  });

  test("[G8] each block is rendered once while it grows and never after: the cost is linear", () => {
    let renderCount = 0;
    const cache = new BlockCache((token) => {
      renderCount += 1;
      return blockToHtml(token);
    });
    const paragraphCount = 300;
    let text = "";
    for (let index = 0; index < paragraphCount; index += 1) {
      text += `Paragraph ${index} `;
      cache.update(text);
      text += "with an end.\n\n";
      cache.update(text);
    }
    expect(cache.update(text)).toHaveLength(paragraphCount);
    expect(renderCount).toBeLessThanOrEqual(3 * paragraphCount);
  });
});
