// @vitest-environment jsdom
import { signal } from "@preact/signals";
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { describe, expect, test } from "vitest";
import * as markdown from "../src/markdown/markdown.ts";
import type { MarkdownState } from "../src/markdown/port.ts";
import { sanitise } from "../src/markdown/sanitise.ts";
import { CardContext, type CardHost } from "../src/renderers/card/context.ts";
import { Markdown } from "../src/renderers/markdown/Markdown.tsx";
import { ATTACKS, SAMPLES } from "./support/markdownSamples.ts";

function htmlOf(text: string): string {
  return markdown
    .newBlocks()
    .update(text)
    .map((block) => block.html)
    .join("\n");
}

const HOST = { markdown: signal<MarkdownState>(markdown) } as Partial<CardHost> as CardHost;

function show(root: HTMLElement, text: string, key = ""): void {
  act(() => render(h(CardContext.Provider, { value: HOST, children: h(Markdown, { text, key }) }), root));
}

test("[MG2] in the DOM too: a component that grew equals one that was given all", () => {
  const [grown, whole] = [document.createElement("div"), document.createElement("div")];
  for (const sample of SAMPLES) {
    for (let end = 0; end <= sample.length; end += 23) show(grown, sample.slice(0, end));
    show(grown, sample);
    show(whole, sample, sample);
    expect(grown.innerHTML).toBe(whole.innerHTML);
  }
});

test("nesting beyond all measure shows the text instead of failing", () => {
  const deep = `${">".repeat(20_000)} x`;
  expect(htmlOf(deep)).toContain("&gt;&gt;");
});

describe("safety", () => {
  test.each(ATTACKS)("[RD1] %s", (_name, text) => {
    const holder = document.createElement("div");
    holder.innerHTML = htmlOf(text);
    const elements = [...holder.querySelectorAll("*")];
    const bad =
      "script,style,svg,math,form,input,textarea,select,iframe,object,embed,base,link,meta,template,video,audio";
    expect(holder.querySelector(bad)).toBeNull();
    for (const element of elements) {
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on|^style$|^id$|^name$|^srcset$|^ping$|^formaction$/);
        if (name === "href") expect(value).toMatch(/^(https?|mailto):/i);
        if (name === "src") expect(value).toMatch(/^data:image\/(png|gif|jpeg|webp);base64,/);
      }
    }
  });

  test("[RD1] links open apart and tell nothing", () => {
    expect(sanitise('<a href="https://e.org" target="_self" rel="opener">x</a>')).toBe(
      '<a href="https://e.org" target="_blank" rel="noopener noreferrer">x</a>',
    );
  });

  test("[RD1] a remote image is a button until it is clicked", () => {
    const root = document.createElement("div");
    show(root, "![a cat](https://e.org/cat.png)");
    expect(root.querySelector("img")).toBeNull();
    const button = root.querySelector<HTMLButtonElement>("button.wcn-image");
    expect(button?.textContent).toBe("Load image: a cat");
    act(() => button?.click());
    expect(root.querySelector("img")?.getAttribute("src")).toBe("https://e.org/cat.png");
    show(root, "![a cat](https://e.org/cat.png) and more");
    expect(root.querySelector("img")?.referrerPolicy).toBe("no-referrer");
  });

  test("what is harmless stays: alignment, numbers of lists, languages of code", () => {
    expect(htmlOf("|a|\n|-:|\n|1|")).toContain('<td align="right">1</td>');
    expect(htmlOf("3. c")).toContain('<ol start="3">');
    expect(htmlOf("```python\nx\n```")).toContain('<code class="language-python">');
    expect(htmlOf("- [x] a")).toContain("☑ a");
    expect(sanitise('<p class="jp-evil">x</p>')).toBe("<p>x</p>");
  });

  test("the copy button adds no text to the message", () => {
    const holder = document.createElement("div");
    holder.innerHTML = htmlOf("```js\nlet a;\n```");
    expect(holder.textContent?.trim()).toBe("let a;");
    expect(holder.querySelector("button.wcn-copy")?.getAttribute("aria-label")).toBe("Copy code");
  });
});
