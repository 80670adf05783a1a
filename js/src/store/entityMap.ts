import type { Entity } from "../protocol/frames.ts";
import { type EntityKey, entityKey } from "../protocol/ids.ts";

type Bucket = ReadonlyMap<EntityKey, Entity>;

const BUCKET_COUNT = 256;
const NO_BUCKETS: readonly (Bucket | undefined)[] = new Array(BUCKET_COUNT).fill(undefined);

/**
 * An immutable map of entities that is cheap to change: one update copies one bucket, not ten thousand entries.
 * Two maps that come from one another can be compared bucket by bucket, see {@link changedKeys}.
 */
export class EntityMap {
  static readonly empty = new EntityMap(NO_BUCKETS, 0);

  private constructor(
    private readonly buckets: readonly (Bucket | undefined)[],
    readonly size: number,
  ) {}

  static of(entities: Iterable<Entity>): EntityMap {
    return EntityMap.empty.withAll(entities);
  }

  get(key: EntityKey): Entity | undefined {
    return this.buckets[bucketOf(key)]?.get(key);
  }

  with(entity: Entity): EntityMap {
    return this.withAll([entity]);
  }

  withAll(entities: Iterable<Entity>): EntityMap {
    const buckets = this.buckets.slice();
    const owned = new Map<number, Map<EntityKey, Entity>>();
    let size = this.size;
    for (const entity of entities) {
      const key = entityKey(entity.kind, entity.id);
      const index = bucketOf(key);
      const bucket = owned.get(index) ?? new Map(buckets[index]);
      if (!bucket.has(key)) size += 1;
      bucket.set(key, entity);
      owned.set(index, bucket);
      buckets[index] = bucket;
    }
    return owned.size === 0 ? this : new EntityMap(buckets, size);
  }

  without(key: EntityKey): EntityMap {
    const index = bucketOf(key);
    if (!this.buckets[index]?.has(key)) return this;
    const bucket = new Map(this.buckets[index]);
    bucket.delete(key);
    const buckets = this.buckets.slice();
    buckets[index] = bucket;
    return new EntityMap(buckets, this.size - 1);
  }

  *values(): Generator<Entity> {
    for (const bucket of this.buckets) if (bucket) yield* bucket.values();
  }

  /** Keys whose entity is not the same object in both maps, in no particular order. */
  changedKeys(before: EntityMap): readonly EntityKey[] {
    const changed: EntityKey[] = [];
    for (const [index, now] of this.buckets.entries()) {
      const then = before.buckets[index];
      if (now === then) continue;
      for (const [key, entity] of now ?? []) if (then?.get(key) !== entity) changed.push(key);
      for (const key of then?.keys() ?? []) if (!now?.has(key)) changed.push(key);
    }
    return changed;
  }
}

function bucketOf(key: EntityKey): number {
  let hash = 0;
  for (let index = 0; index < key.length; index += 1) hash = (hash * 31 + key.charCodeAt(index)) | 0;
  return (hash ^ (hash >>> 15)) & (BUCKET_COUNT - 1);
}
