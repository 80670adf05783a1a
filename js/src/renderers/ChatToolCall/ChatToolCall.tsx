import { useContext } from "preact/hooks";
import type { Entity } from "../../protocol/frames.ts";
import type { ChatToolCallPayload, ChatToolResultPayload } from "../../protocol/payloads.ts";
import { resultKeyOf } from "../../store/presentation.ts";
import { strings } from "../../strings/strings.ts";
import { ChatToolResult } from "../ChatToolResult/ChatToolResult.tsx";
import { Card } from "../card/Card.tsx";
import { CardContext } from "../card/context.ts";
import { JsonFold } from "./JsonFold.tsx";
import { type ToolState, toolState } from "./toolState.ts";

const WORDS: Readonly<Record<ToolState, string>> = {
  preparing: strings.toolPreparing,
  running: strings.toolRunning,
  done: strings.toolDone,
  failed: strings.toolFailed,
  denied: strings.toolDenied,
  stopped: strings.toolStopped,
};

/** A tool call and, once it is there, its result: one card. */
export function ChatToolCall({ entity }: { readonly entity: Entity }) {
  const call = entity.payload as ChatToolCallPayload;
  const result = useContext(CardContext)?.entity(resultKeyOf(entity.id)).value;
  const state = toolState(call, result?.payload as ChatToolResultPayload | undefined);
  const isBusy = state === "running" || state === "preparing";
  const durationMs = Number(call.durationMs ?? 0);
  return (
    <Card entity={entity} handles={{ "data-status": call.status ?? state, "data-state": state }} class="wcn-tool">
      <div class="wcn-tool-head">
        <span class="wcn-tool-icon" aria-hidden="true" />
        <code class="wcn-tool-name">{call.toolName ?? entity.id}</code>
        <span class="wcn-dim">
          {isBusy && call.progress ? call.progress : WORDS[state]}
          {durationMs > 0 && !isBusy && ` · ${formatDuration(durationMs)}`}
        </span>
      </div>
      {call.input && <JsonFold title={strings.toolArguments} text={call.input} />}
      {result && <ChatToolResult entity={result} />}
      {call.error && !result && <div class="wcn-error-text">{call.error}</div>}
    </Card>
  );
}

function formatDuration(durationMs: number): string {
  return durationMs < 1_000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1_000).toFixed(1)} s`;
}
