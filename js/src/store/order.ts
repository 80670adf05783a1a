import type { Entity } from "../protocol/frames.ts";
import { type EntityKey, entityKey } from "../protocol/ids.ts";
import type { EntityMap } from "./entityMap.ts";

/** The order of a timeline: by created ordinal, then id, then kind. */
export function compareEntities(left: Entity, right: Entity): number {
  return left.created - right.created || compareText(left.id, right.id) || compareText(left.kind, right.kind);
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** All keys in timeline order. */
export function sortedKeys(entities: EntityMap): readonly EntityKey[] {
  return [...entities.values()].sort(compareEntities).map((each) => entityKey(each.kind, each.id));
}

/** `order` with the key of `entity` at its place; the entity itself need not be in `entities` yet. */
export function insertKey(order: readonly EntityKey[], entities: EntityMap, entity: Entity): readonly EntityKey[] {
  let low = 0;
  let high = order.length;
  while (low < high) {
    // From the end: almost every new entity is the newest.
    const middle = high - low > 8 && high === order.length ? high - 1 : (low + high) >> 1;
    const there = entities.get(order[middle] ?? "");
    if (there && compareEntities(there, entity) > 0) high = middle;
    else low = middle + 1;
  }
  return [...order.slice(0, low), entityKey(entity.kind, entity.id), ...order.slice(low)];
}
