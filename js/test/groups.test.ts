import fc from "fast-check";
import { expect, test } from "vitest";
import { GROUP_SIZE, type Group, regroup } from "../src/ui/timeline/groups.ts";

const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `k${from + index}`);
const flat = (groups: readonly Group[]) => groups.flatMap((group) => group.keys);

test("[G7] a new entry changes the last group only", () => {
  const before = regroup([], keys(0, 120));
  const after = regroup(before, keys(0, 121));
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
  expect(after[0]).toBe(before[0]);
  expect(after[2]?.keys).toHaveLength(21);
});

test("[G7] an older page makes groups of its own", () => {
  const before = regroup([], keys(100, 200));
  const after = regroup(before, keys(0, 200));
  expect(after.slice(2)).toEqual(before);
  expect(after[2]).toBe(before[0]);
});

test("whatever changes: every key once, in order, in groups that are not too big, with ids of their own", () => {
  const order = fc.uniqueArray(fc.nat({ max: 300 }).map(String), { maxLength: 250 });
  fc.assert(
    fc.property(fc.array(order, { minLength: 1, maxLength: 4 }), (orders) => {
      let groups: readonly Group[] = [];
      for (const next of orders) {
        groups = regroup(groups, next);
        expect(flat(groups)).toEqual(next);
        expect(groups.every((group) => group.keys.length > 0 && group.keys.length <= GROUP_SIZE * 2)).toBe(true);
        expect(new Set(groups.map((group) => group.id)).size).toBe(groups.length);
      }
    }),
  );
});
