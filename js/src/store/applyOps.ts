import type { AppendOp, Entity, Op, RemoveOp } from "../protocol/frames.ts";
import { type EntityKey, entityKey } from "../protocol/ids.ts";
import type { EntityMap } from "./entityMap.ts";
import { insertKey } from "./order.ts";
import type { ConversationState } from "./state.ts";

type Held = Pick<ConversationState, "entities" | "order" | "tombstones" | "skipped">;

/** Ops of one frame over one state; the first that does not fit spoils the frame as a whole. */
class Application {
  entities: EntityMap;
  order: readonly EntityKey[];
  tombstones: ReadonlyMap<EntityKey, number>;
  skipped: readonly Op[] | null;
  isDamaged = false;

  constructor(private readonly start: ConversationState) {
    this.entities = start.entities;
    this.order = start.order;
    this.tombstones = start.tombstones;
    this.skipped = start.skipped;
  }

  apply(op: Op): void {
    const target = op.op === "upsert" ? op.entity : op;
    const key = entityKey(target.kind, target.id);
    // Judged by what was held before the frame: several ops of one frame may carry the same `updated`.
    const known = this.start.entities.get(key)?.updated ?? this.start.tombstones.get(key) ?? 0;
    // An older page may have been read after this op: then it is in there already (FR13).
    if (known > this.start.seq && target.updated <= known) return;
    if (op.op === "remove") this.remove(key, op);
    else if (op.op === "append") this.append(key, op, known > this.start.seq);
    else if (op.entity.removed) this.remove(key, { ...op.entity, op: "remove" });
    else this.upsert(key, op.entity, op);
  }

  private upsert(key: EntityKey, entity: Entity, op: Op): void {
    const held = this.entities.get(key);
    if (held && entity.updated < held.updated) return;
    if (!held && this.start.hasMore && entity.created < this.start.oldest) {
      this.skip(op);
      return;
    }
    if (held && held.created !== entity.created) this.order = this.order.filter((each) => each !== key);
    if (held?.created !== entity.created) this.order = insertKey(this.order, this.entities, entity);
    this.entities = this.entities.with(entity);
    this.bury(key, null);
  }

  private append(key: EntityKey, op: AppendOp, mayOverlap: boolean): void {
    const held = this.entities.get(key);
    if (!held) {
      const mayBeOlder = this.start.hasMore || op.updated <= this.start.pagedTo;
      if (mayBeOlder || this.tombstones.has(key)) this.skip(op);
      else this.isDamaged = true;
      return;
    }
    const text = appended(held, op, mayOverlap);
    if (text === null) this.isDamaged = true;
    else {
      const payload = { ...held.payload, [op.field]: text };
      this.entities = this.entities.with({ ...held, payload, updated: Math.max(held.updated, op.updated) });
    }
  }

  private remove(key: EntityKey, op: RemoveOp): void {
    if (this.entities.get(key)) {
      this.entities = this.entities.without(key);
      this.order = this.order.filter((each) => each !== key);
    }
    this.bury(key, op.updated);
  }

  private bury(key: EntityKey, updated: number | null): void {
    if (updated === null && !this.tombstones.has(key)) return;
    const tombstones = new Map(this.tombstones);
    if (updated === null) tombstones.delete(key);
    else tombstones.set(key, updated);
    this.tombstones = tombstones;
  }

  private skip(op: Op): void {
    if (this.skipped) this.skipped = [...this.skipped, op];
  }
}

/**
 * The field with the op's text at its end; null if the field is not as long as the op says.
 * With `mayOverlap`, text that is there already (a page was newer than the frame) is not added twice.
 */
export function appended(held: Entity, op: AppendOp, mayOverlap: boolean): string | null {
  const before = Object.hasOwn(held.payload, op.field) ? held.payload[op.field] : "";
  if (typeof before !== "string") return null;
  if (before.length === op.at) return before + op.text;
  const there = before.slice(op.at);
  return mayOverlap && before.length > op.at && op.text.startsWith(there) ? before.slice(0, op.at) + op.text : null;
}

/** Applies all ops of a frame, or none: null when one does not fit what is held. */
export function applyOps(state: ConversationState, ops: readonly Op[]): Held | null {
  if (ops.length === 0) return state;
  const application = new Application(state);
  for (const op of ops) {
    application.apply(op);
    if (application.isDamaged) return null;
  }
  const { entities, order, tombstones, skipped } = application;
  return { entities, order, tombstones, skipped };
}
