import { Component } from "preact";
import { useContext, useEffect, useRef } from "preact/hooks";
import type { Blocks, MarkdownModule } from "../../markdown/port.ts";
import { CardContext } from "../card/context.ts";
import { copyCode } from "./copyCode.ts";
import { showImage } from "./showImage.ts";

interface BlockProps {
  readonly html: string;
}

/** A block's DOM is touched only when its HTML changes. */
class BlockView extends Component<BlockProps> {
  override shouldComponentUpdate(next: BlockProps): boolean {
    return next.html !== this.props.html;
  }

  override render({ html }: BlockProps) {
    return <div class="wcn-block" dangerouslySetInnerHTML={{ __html: html }} />;
  }
}

/** Markdown, or the text as it was written while there is nothing to read it with (MG7). */
export function Markdown({ text }: { readonly text: string }) {
  const markdown = useContext(CardContext)?.markdown.value ?? "missing";
  if (typeof markdown === "object") return <Rendered text={text} markdown={markdown} />;
  return <div class={`wcn-verbatim ${markdown === "loading" ? "wcn-awaited" : ""}`}>{text}</div>;
}

interface RenderedProps {
  readonly text: string;
  readonly markdown: MarkdownModule;
}

/** It may still grow. Blocks that are complete are neither parsed nor sanitised nor drawn again. */
function Rendered({ text, markdown }: RenderedProps) {
  const blocks = useRef<Blocks | null>(null);
  const allowedImages = useRef(new Set<string>());
  const root = useRef<HTMLDivElement>(null);
  blocks.current ??= markdown.newBlocks();

  // A block that was drawn again has its buttons back: images the user asked for stay shown.
  useEffect(() => {
    for (const button of root.current?.querySelectorAll<HTMLButtonElement>("button.wcn-image") ?? []) {
      if (allowedImages.current.has(button.dataset.src ?? "")) showImage(button);
    }
  }, [text]);

  const onClick = (event: MouseEvent) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button");
    if (button?.classList.contains("wcn-copy")) void copyCode(button);
    if (!button?.classList.contains("wcn-image")) return;
    allowedImages.current.add(button.dataset.src ?? "");
    showImage(button);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only hears the buttons inside, which are real buttons
    // biome-ignore lint/a11y/useKeyWithClickEvents: a button's key press arrives as a click
    <div class="wcn-markdown" ref={root} onClick={onClick}>
      {blocks.current.update(text).map((block) => (
        <BlockView key={block.start} html={block.html} />
      ))}
    </div>
  );
}
