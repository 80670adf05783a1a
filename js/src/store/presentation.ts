import { type EntityKey, entityKey } from "../protocol/ids.ts";
import type { ChatMessagePayload, ChatRunPayload } from "../protocol/payloads.ts";
import type { ConversationState } from "./state.ts";

/** Key of the result that belongs to a tool call. */
export function resultKeyOf(toolCallId: string): EntityKey {
  return entityKey("ChatToolResult", `${toolCallId}:result`);
}

/**
 * The keys a screen shows, top to bottom: turn by turn, each in timeline order. So a prompt that was sent while an
 * earlier answer was still coming stands below that answer. A tool result is shown by its call, if that is held; a run's
 * status line ends its turn.
 */
export function presentedKeys(state: ConversationState): readonly EntityKey[] {
  const turns = new Map<string, { keys: EntityKey[]; line: EntityKey | null }>();
  const shownByCall = new Set<EntityKey>();
  let speaking: string | null = null;
  for (const key of state.order) {
    const entity = state.entities.get(key);
    if (!entity) continue;
    if (entity.kind === "ChatToolCall") shownByCall.add(resultKeyOf(entity.id));
    const isLine = entity.kind === "ChatRun";
    const runId = isLine ? entity.id : entity.payload.runId;
    // What says no run of its own (a card, say) belongs to the run that spoke last.
    const turnId: string = typeof runId === "string" ? runId : (speaking ?? key);
    if (!isLine && entity.payload.role !== "user") speaking = turnId;
    const turn = turns.get(turnId) ?? { keys: [], line: null };
    turns.set(turnId, turn);
    if (isLine) turn.line = key;
    else turn.keys.push(key);
  }
  return [...turns.values()].flatMap(({ keys, line }) => {
    const shown = keys.filter((key) => !shownByCall.has(key));
    return line ? [...shown, line] : shown;
  });
}

/** The run that Stop would stop: the newest one that is running, else the newest that is queued. */
export function activeRunId(state: ConversationState): string | null {
  let queued: string | null = null;
  for (let index = state.order.length - 1; index >= 0; index -= 1) {
    const entity = state.entities.get(state.order[index] ?? "");
    if (entity?.kind !== "ChatRun") continue;
    const { status } = entity.payload as ChatRunPayload;
    if (status === "running") return entity.id;
    if (status === "queued") queued ??= entity.id;
  }
  return queued;
}

/** What the user asked in this run; null when it is not on this screen. */
export function promptOfRun(state: ConversationState, runId: string): string | null {
  for (const key of state.order) {
    const entity = state.entities.get(key);
    if (entity?.kind !== "ChatMessage") continue;
    const { role, runId: owner, content } = entity.payload as ChatMessagePayload;
    if (role === "user" && owner === runId) return content ?? null;
  }
  return null;
}
