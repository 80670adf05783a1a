import type { Frame, SnapshotFrame, SubscribedFrame, UiEvent } from "../protocol/frames.ts";
import { entityKey } from "../protocol/ids.ts";
import { applyOps } from "./applyOps.ts";
import { EntityMap } from "./entityMap.ts";
import { mergePage, type PageInput } from "./mergePage.ts";
import { sortedKeys } from "./order.ts";
import type { ConversationState, Staged } from "./state.ts";

/** What changes a conversation: a frame from the server, or something that happened on this side. */
export type MergeInput = Frame | PageInput | { readonly type: "local.lost" };

/**
 * The only way a conversation changes (MG1). Pure: for a snapshot, live frames, older pages and a lost connection alike.
 * Returns the same object when nothing changed. Frames of other conversations are the caller's business.
 *
 * Rule: FR2, FR3, FR4, FR13, MG1.
 */
export function merge(state: ConversationState, input: MergeInput): ConversationState {
  switch (input.type) {
    case "ws.subscribed":
      return beginSync(state, input);
    case "timeline.snapshot":
      return collectSnapshot(state, input);
    case "event":
      return applyEvent(state, input);
    case "ws.unsubscribed":
    case "local.lost":
      return { ...state, sync: { phase: "cold" }, skipped: null };
    case "page.asked":
    case "page.failed":
    case "page.came":
      return mergePage(state, input);
    default:
      return state;
  }
}

function gap(state: ConversationState, damaged: boolean): ConversationState {
  return { ...state, sync: { phase: "gap", damaged } };
}

function beginSync(state: ConversationState, frame: SubscribedFrame): ConversationState {
  if (frame.mode === "snapshot") {
    const staged: Staged = { epoch: frame.epoch, nextPart: null, entities: [] };
    return { ...state, sync: { phase: "hydrating", staged } };
  }
  // Never resume onto a base that is not the one the server means.
  const isOurs = frame.epoch === state.epoch && frame.from === state.seq;
  return isOurs ? { ...state, sync: { phase: "live", head: frame.to } } : gap(state, true);
}

function collectSnapshot(state: ConversationState, frame: SnapshotFrame): ConversationState {
  if (state.sync.phase !== "hydrating") return state;
  const { epoch, nextPart, entities: before } = state.sync.staged;
  const isNext = nextPart === null ? frame.part <= 1 : frame.part === nextPart;
  if (frame.epoch !== epoch || !isNext) return gap(state, true);
  const staged: Staged = { epoch, nextPart: frame.part + 1, entities: [...before, ...frame.entities] };
  return frame.last ? replaceBase(state, frame, staged) : { ...state, sync: { phase: "hydrating", staged } };
}

/** All parts are there: the old base goes, the new one comes, in one step. */
function replaceBase(state: ConversationState, frame: SnapshotFrame, staged: Staged): ConversationState {
  const entities = EntityMap.of(staged.entities.filter((each) => !each.removed));
  const removed = staged.entities.filter((each) => each.removed);
  return {
    convId: state.convId,
    sync: { phase: "live", head: frame.version },
    epoch: frame.epoch,
    seq: frame.version,
    entities,
    order: sortedKeys(entities),
    tombstones: new Map(removed.map((each) => [entityKey(each.kind, each.id), each.updated])),
    oldest: frame.oldest,
    hasMore: frame.hasMore,
    pagedTo: 0,
    skipped: null,
  };
}

function applyEvent(state: ConversationState, frame: UiEvent): ConversationState {
  if (state.sync.phase !== "live" || frame.seq <= state.seq) return state;
  if (frame.prev !== state.seq) return gap(state, false);
  const held = applyOps(state, frame.ops);
  return held ? { ...state, ...held, seq: frame.seq } : gap(state, true);
}
