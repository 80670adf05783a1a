import { type EntityKey, entityKey } from "../protocol/ids.ts";
import type { ChatMessagePayload, ChatRunPayload } from "../protocol/payloads.ts";
import { type Choices, type Fork, findPath, type Turn } from "./branches.ts";
import type { ConversationState } from "./state.ts";

/** Key of the result that belongs to a tool call. */
export function resultKeyOf(toolCallId: string): EntityKey {
  return entityKey("ChatToolResult", `${toolCallId}:result`);
}

/** What a screen shows of a conversation. */
export interface Presentation {
  /** Top to bottom. */
  readonly keys: readonly EntityKey[];
  /** What was asked about a call and is shown by its card, in timeline order, by the call's key. */
  readonly asks: ReadonlyMap<EntityKey, readonly EntityKey[]>;
  /** Where it goes on in several ways, by the card that shows this. */
  readonly forks: ReadonlyMap<EntityKey, Fork>;
  /** What the next prompt has to name to follow what is shown; null: it follows it anyway. */
  readonly parent: string | null;
}

const NO_CHOICES: Choices = new Map();

/** The keys a screen shows that made no choice at any fork. */
export function presentedKeys(state: ConversationState): readonly EntityKey[] {
  return present(state, NO_CHOICES).keys;
}

/**
 * What a screen shows: turn by turn, each in timeline order. So a prompt that was sent while an earlier answer was still
 * coming stands below that answer. A tool result, an approval and a question are shown by their call, if that is held; a
 * run's status line ends its turn;
 * what a person thinks of an answer is shown by the answer. Where the conversation forks, one way is shown.
 */
export function present(state: ConversationState, choices: Choices): Presentation {
  const turns = new Map<string, Turn>();
  const hidden = new Set<EntityKey>();
  const asks = new Map<EntityKey, EntityKey[]>();
  let speaking: string | null = null;
  let isTree = false;
  for (const key of state.order) {
    const entity = state.entities.get(key);
    if (!entity) continue;
    if (entity.kind === "ChatFeedback") continue;
    if (entity.kind === "ChatToolCall") hidden.add(resultKeyOf(entity.id));
    if (entity.kind === "ChatApproval") {
      const callKey = entityKey("ChatToolCall", String(entity.payload.toolCallId));
      if (state.entities.get(callKey)) {
        hidden.add(key);
        asks.set(callKey, [...(asks.get(callKey) ?? []), key]);
      }
    }
    if (entity.kind === "ChatMessage" && entity.payload.parentMessageId) isTree = true;
    const isLine = entity.kind === "ChatRun";
    const runId = isLine ? entity.id : entity.payload.runId;
    // What says no run of its own (a card, say) belongs to the run that spoke last.
    const turnId: string = typeof runId === "string" ? runId : (speaking ?? key);
    if (!isLine && entity.payload.role !== "user") speaking = turnId;
    const turn: Turn = turns.get(turnId) ?? { id: turnId, created: entity.created, keys: [], line: null };
    turns.set(turnId, turn);
    if (isLine) turn.line = key;
    else turn.keys.push(key);
  }
  const entriesOf = (turn: Turn) => {
    const shown = turn.keys.filter((key) => !hidden.has(key));
    return turn.line ? [...shown, turn.line] : shown;
  };
  // Without any word of what follows what, everything is one line.
  if (!isTree) return { keys: [...turns.values()].flatMap(entriesOf), asks, forks: new Map(), parent: null };
  const path = findPath(state, turns, choices);
  const prompts = new Set(path.steps.filter((step) => typeof step === "string"));
  const keys = path.steps.flatMap((step) =>
    typeof step === "string" ? [step] : entriesOf(step).filter((key) => !prompts.has(key)),
  );
  return { keys, asks, forks: path.forks, parent: path.isNewest ? null : path.leaf };
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
