import type { Entity } from "../../protocol/frames.ts";
import type { ChatMessagePayload } from "../../protocol/payloads.ts";
import { strings } from "../../strings/strings.ts";
import { Card } from "../card/Card.tsx";
import { Markdown } from "../markdown/Markdown.tsx";
import { MessageActions } from "./MessageActions.tsx";
import { Thought } from "./Thought.tsx";

/** What a person, an engine or the system said. Only an engine's text is Markdown: a prompt is shown as it was typed. */
export function ChatMessage({ entity }: { readonly entity: Entity }) {
  const message = entity.payload as ChatMessagePayload;
  const { role = "assistant", content = "", error } = message;
  const isStreaming = message.streaming === true;
  const handles = { "data-role": role, "data-streaming": String(isStreaming), "data-status": message.status } as const;
  if (role === "thinking") return <Thought entity={entity} handles={handles} content={content} isOpen={isStreaming} />;
  const label = strings.roles.get(role) ?? role;
  return (
    <Card entity={entity} handles={handles} class={`wcn-message wcn-${role}`} label={label}>
      {(role === "warning" || role === "error") && <span class="wcn-role">{label}</span>}
      <div class="wcn-content" data-webchat="content">
        {role === "assistant" ? <Markdown text={content} /> : <div class="wcn-verbatim">{content}</div>}
      </div>
      {error && <div class="wcn-error-text">{error}</div>}
      {(role === "user" || role === "assistant") && <MessageActions entity={entity} />}
    </Card>
  );
}
