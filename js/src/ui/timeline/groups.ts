import type { EntityKey } from "../../protocol/ids.ts";

/** A run of neighbours that are laid out, skipped and filled together. */
export interface Group {
  readonly id: number;
  readonly keys: readonly EntityKey[];
}

/** Big enough that ten thousand entries are few boxes, small enough that one is cheap to lay out. */
export const GROUP_SIZE = 50;

/**
 * Cuts an order into groups so that what was a group stays one: new entries at the end fill the last group, older pages
 * make groups of their own. A group that did not change is the same object.
 */
export function regroup(before: readonly Group[], order: readonly EntityKey[]): readonly Group[] {
  const homes = new Map(before.flatMap((group) => group.keys.map((key) => [key, group] as const)));
  let nextId = before.reduce((highest, group) => Math.max(highest, group.id), 0) + 1;
  const used = new Set<number>();
  const groups: { id: number; keys: EntityKey[] }[] = [];
  for (const key of order) {
    const home = homes.get(key);
    const last = groups.at(-1);
    const beginsKnownGroup = home !== undefined && !used.has(home.id);
    // A known group may grow past its size when something is put into its middle, but not without end.
    const limit = home !== undefined && home.id === last?.id ? GROUP_SIZE * 2 : GROUP_SIZE;
    if (last && !beginsKnownGroup && last.keys.length < limit) last.keys.push(key);
    else {
      const id = beginsKnownGroup ? home.id : nextId++;
      used.add(id);
      groups.push({ id, keys: [key] });
    }
  }
  const byId = new Map(before.map((group) => [group.id, group]));
  return groups.map((group) => reuse(byId.get(group.id), group));
}

function reuse(before: Group | undefined, now: Group): Group {
  const isSame = before?.keys.length === now.keys.length && before.keys.every((key, index) => key === now.keys[index]);
  return before && isSame ? before : now;
}
