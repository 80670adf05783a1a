import type { Entity, Op, TimelinePage } from "../protocol/frames.ts";
import { type EntityKey, entityKey } from "../protocol/ids.ts";
import { appended } from "./applyOps.ts";
import { sortedKeys } from "./order.ts";
import type { ConversationState } from "./state.ts";

/** Older pages come over HTTP, beside the frames and in any order with them (FR13). */
export type PageInput =
  | { readonly type: "page.asked" }
  | { readonly type: "page.failed" }
  | { readonly type: "page.came"; readonly page: TimelinePage };

export function mergePage(state: ConversationState, input: PageInput): ConversationState {
  if (input.type === "page.asked") return { ...state, skipped: state.skipped ?? [] };
  // A base that was replaced since the page was asked for no longer knows what it skipped: the page is of no use.
  if (state.skipped === null) return state;
  if (input.type === "page.failed" || input.page.epoch !== state.epoch) return { ...state, skipped: null };
  return addPage(state, input.page);
}

function addPage(state: ConversationState, page: TimelinePage): ConversationState {
  const tombstones = new Map(state.tombstones);
  const added = new Map<EntityKey, Entity>();
  for (const entity of page.entities) {
    const key = entityKey(entity.kind, entity.id);
    const known = state.entities.get(key)?.updated ?? tombstones.get(key);
    if (known !== undefined && known >= entity.updated) continue;
    if (entity.removed) tombstones.set(key, entity.updated);
    else added.set(key, entity);
  }
  // What was skipped while the page was on its way may be newer than the page.
  for (const op of state.skipped ?? []) replay(added, op);
  const entities = state.entities.withAll(added.values());
  return {
    ...state,
    entities,
    order: sortedKeys(entities),
    tombstones,
    oldest: page.next ?? page.entities.reduce((oldest, each) => Math.min(oldest, each.created), state.oldest),
    hasMore: page.next !== null,
    pagedTo: Math.max(state.pagedTo, page.version),
    skipped: null,
  };
}

function replay(added: Map<EntityKey, Entity>, op: Op): void {
  const target = op.op === "upsert" ? op.entity : op;
  const key = entityKey(target.kind, target.id);
  const held = added.get(key);
  if (!held || target.updated <= held.updated) return;
  if (op.op === "upsert") added.set(key, op.entity);
  else if (op.op === "append") {
    const text = appended(held, op, true);
    if (text !== null) added.set(key, { ...held, payload: { ...held.payload, [op.field]: text }, updated: op.updated });
  }
}
