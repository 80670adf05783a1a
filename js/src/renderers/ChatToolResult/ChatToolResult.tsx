import type { Entity } from "../../protocol/frames.ts";
import type { ChatToolResultPayload } from "../../protocol/payloads.ts";
import { strings } from "../../strings/strings.ts";
import { JsonFold } from "../ChatToolCall/JsonFold.tsx";
import { Card } from "../card/Card.tsx";
import { Picture } from "./Picture.tsx";
import { Table } from "./Table.tsx";

const TABLE = "application/vnd.dataresource+json";

/** A tool's result: inside its call's card, or alone when the call is not on this screen. */
export function ChatToolResult({ entity }: { readonly entity: Entity }) {
  const payload = entity.payload as ChatToolResultPayload;
  const { result = "", status, toolName = "", mediaType = "", content = "", attachmentId = "" } = payload;
  const isAlone = toolName ? `${strings.toolResult} · ${toolName}` : strings.toolResult;
  return (
    <Card entity={entity} handles={{ "data-status": status }} class="wcn-tool-result" label={isAlone}>
      <JsonFold title={strings.toolResult} text={result} />
      {mediaType === TABLE && <Table text={content} />}
      {mediaType.startsWith("image/") && attachmentId && (
        <Picture attachmentId={attachmentId} mediaType={mediaType} toolName={toolName} />
      )}
    </Card>
  );
}
