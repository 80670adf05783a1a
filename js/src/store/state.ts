import type { Entity, Op } from "../protocol/frames.ts";
import type { Cursor, EntityKey, Ordinal } from "../protocol/ids.ts";
import { EntityMap } from "./entityMap.ts";

/**
 * How far a conversation is from the server's truth.
 *
 * - `cold`: not subscribed, or not answered yet; what is held is a base for resuming.
 * - `hydrating`: parts of a snapshot are being collected; what is held is still the old base, whole.
 * - `live`: frames are applied as they come.
 * - `gap`: something is missing; nothing is applied until subscribed again. `damaged`: the base itself is in doubt,
 *   so resuming from the cursor would only meet the same frame again; ask for a snapshot.
 */
export type Sync =
  | { readonly phase: "cold" }
  | { readonly phase: "hydrating"; readonly staged: Staged }
  | { readonly phase: "live"; readonly head: Ordinal }
  | { readonly phase: "gap"; readonly damaged: boolean };

/** Snapshot parts that have come so far. */
export interface Staged {
  readonly epoch: string;
  readonly nextPart: number | null;
  readonly entities: readonly Entity[];
}

/** One conversation as far as this browser knows it. Never changed, only replaced by `merge`. */
export interface ConversationState {
  readonly convId: string;
  readonly sync: Sync;
  readonly epoch: string | null;
  readonly seq: Ordinal;
  readonly entities: EntityMap;
  /** Keys of `entities` in timeline order. */
  readonly order: readonly EntityKey[];
  /** Removed entities and when, so that no older copy brings them back. */
  readonly tombstones: ReadonlyMap<EntityKey, Ordinal>;
  /** Created ordinal of the oldest entity in the window: what `before=` takes. */
  readonly oldest: Ordinal;
  readonly hasMore: boolean;
  /** Newest version that an older page was read at: what it does not hold was gone by then. */
  readonly pagedTo: Ordinal;
  /** Ops that were skipped while an older page is on its way; null when none is. */
  readonly skipped: readonly Op[] | null;
}

export function emptyConversation(convId: string): ConversationState {
  return {
    convId,
    sync: { phase: "cold" },
    epoch: null,
    seq: 0,
    entities: EntityMap.empty,
    order: [],
    tombstones: new Map(),
    oldest: 0,
    hasMore: false,
    pagedTo: 0,
    skipped: null,
  };
}

/** What to resume from; null when only a snapshot will do. */
export function cursorOf(state: ConversationState): Cursor | null {
  if (state.epoch === null || (state.sync.phase === "gap" && state.sync.damaged)) return null;
  return { epoch: state.epoch, seq: state.seq };
}

/** Whether everything up to the head that the server told of has been applied. */
export function isCaughtUp(state: ConversationState): boolean {
  return state.sync.phase === "live" && state.seq >= state.sync.head;
}

/** Entities in timeline order. */
export function entitiesInOrder(state: ConversationState): readonly Entity[] {
  return state.order.flatMap((key) => state.entities.get(key) ?? []);
}
