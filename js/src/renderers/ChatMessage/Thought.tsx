import type { Entity } from "../../protocol/frames.ts";
import { strings } from "../../strings/strings.ts";
import { Card } from "../card/Card.tsx";
import { Markdown } from "../markdown/Markdown.tsx";

interface ThoughtProps {
  readonly entity: Entity;
  readonly handles: Readonly<Record<`data-${string}`, string | undefined>>;
  readonly content: string;
  readonly isOpen: boolean;
}

/** What an engine thought: folded, for those who want to look. `isOpen`: it is still being thought. */
export function Thought({ entity, handles, content, isOpen }: ThoughtProps) {
  return (
    <Card entity={entity} handles={handles} class="wcn-message wcn-thinking">
      <details class="wcn-fold">
        <summary>
          <span class={isOpen ? "wcn-shimmer" : ""}>{isOpen ? strings.thinking : strings.thoughts}</span>
        </summary>
        <div class="wcn-content" data-webchat="content">
          <Markdown text={content} />
        </div>
      </details>
    </Card>
  );
}
