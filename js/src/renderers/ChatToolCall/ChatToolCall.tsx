import { useContext } from "preact/hooks";
import type { Entity } from "../../protocol/frames.ts";
import { entityKey } from "../../protocol/ids.ts";
import type { ChatApprovalPayload, ChatToolCallPayload, ChatToolResultPayload } from "../../protocol/payloads.ts";
import { resultKeyOf } from "../../store/presentation.ts";
import { strings } from "../../strings/strings.ts";
import { ChatApproval } from "../ChatApproval/ChatApproval.tsx";
import { ChatToolResult } from "../ChatToolResult/ChatToolResult.tsx";
import { Card } from "../card/Card.tsx";
import { CardContext } from "../card/context.ts";
import { AnswerInPlace } from "./AnswerInPlace.tsx";
import { JsonFold } from "./JsonFold.tsx";
import { isAnsweredHere, type ToolState, toolState } from "./toolState.ts";

const WORDS: Readonly<Record<ToolState, string>> = {
  preparing: strings.toolPreparing,
  asking: strings.toolAsking,
  running: strings.toolRunning,
  done: strings.toolDone,
  failed: strings.toolFailed,
  denied: strings.toolDenied,
  stopped: strings.toolStopped,
};

/** A tool call with what was asked about it and, once it is there, its result: one card. */
export function ChatToolCall({ entity }: { readonly entity: Entity }) {
  const call = entity.payload as ChatToolCallPayload;
  const host = useContext(CardContext);
  const result = host?.entity(resultKeyOf(entity.id)).value;
  const askKeys = host?.asks.of(entityKey(entity.kind, entity.id)).value ?? [];
  const asks = askKeys.flatMap((key) => host?.entity(key).value ?? []);
  const state = toolState(
    call,
    result?.payload as ChatToolResultPayload | undefined,
    asks.map((ask) => ask.payload as ChatApprovalPayload),
  );
  return (
    <Card entity={entity} handles={{ "data-status": call.status ?? state, "data-state": state }} class="wcn-tool">
      <div class="wcn-tool-head" tabIndex={-1}>
        <span class="wcn-tool-icon" aria-hidden="true" />
        <code class="wcn-tool-name">{call.toolName ?? entity.id}</code>
        <span class="wcn-dim">{newsOf(call, state)}</span>
      </div>
      {call.input && <JsonFold title={strings.toolArguments} text={call.input} isOpen={state === "asking"} />}
      {asks.map((ask) => (
        <ChatApproval key={ask.id} entity={ask} isInCall />
      ))}
      {isAnsweredHere(call) && <AnswerInPlace callId={entity.id} call={call} />}
      {result && <ChatToolResult entity={result} />}
      {call.error && !result && <div class="wcn-error-text">{call.error}</div>}
    </Card>
  );
}

/** How it is doing, where it runs and how long it took. */
function newsOf(call: ChatToolCallPayload, state: ToolState): string {
  const isBusy = state === "running" || state === "preparing";
  const durationMs = Number(call.durationMs ?? 0);
  const words = [
    isBusy && call.progress ? call.progress : WORDS[state],
    strings.toolPlaces.get(call.place ?? ""),
    durationMs > 0 && !isBusy && formatDuration(durationMs),
  ];
  return words.filter(Boolean).join(" · ");
}

function formatDuration(durationMs: number): string {
  return durationMs < 1_000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1_000).toFixed(1)} s`;
}
