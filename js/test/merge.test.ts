import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePage } from "../src/protocol/decodeEntity.ts";
import { merge } from "../src/store/merge.ts";
import { type ConversationState, cursorOf, isCaughtUp } from "../src/store/state.ts";
import { deeds, fold, Log, shown } from "./support/log.ts";
import { append, snapshot, subscribed, uiEvent, upsert, wireEntity } from "./support/wire.ts";

const message = (content: string) => wireEntity("ChatMessage", "m1", 1, 1, { content });
const live = () => fold([subscribed("c1", "snapshot", 0, 5), snapshot("c1", 5, [message("Hello")])]);

describe("frames", () => {
  test("[FR3] prev equals mine: applied, and the cursor moves to seq", () => {
    const state = fold([uiEvent("c1", 5, 7, [append("m1", 5, " world", 7)])], live());
    expect(shown(state)).toEqual([wireEntity("ChatMessage", "m1", 1, 7, { content: "Hello world" })]);
    expect(cursorOf(state)).toEqual({ epoch: "e1", seq: 7 });
  });

  test("[FR3] seq not above mine: dropped without a trace", () => {
    const before = live();
    expect(fold([uiEvent("c1", 3, 5, [append("m1", 5, "!", 5)])], before)).toBe(before);
  });

  test("[FR3] a second UI event of the same ordinal moves nothing", () => {
    const before = live();
    expect(fold([uiEvent("c1", 5, 5, [])], before)).toBe(before);
  });

  test.each([
    ["later than mine", 6, 7],
    ["earlier than mine, with a seq that is later", 4, 7],
  ])("[FR3] prev %s: a gap; nothing is applied and the cursor stays", (_name, prev, seq) => {
    const state = fold([uiEvent("c1", prev, seq, [append("m1", 5, "!", seq)])], live());
    expect(state.sync).toEqual({ phase: "gap", damaged: false });
    expect(shown(state)).toEqual([message("Hello")]);
    expect(cursorOf(state)).toEqual({ epoch: "e1", seq: 5 });
  });

  test("[FR3] after a gap nothing is applied until subscribed again", () => {
    const gap = fold([uiEvent("c1", 6, 7, [])], live());
    expect(fold([uiEvent("c1", 5, 6, [append("m1", 5, "!", 6)])], gap)).toBe(gap);
    const resumed = fold([subscribed("c1", "resumed", 5, 7), uiEvent("c1", 5, 7, [append("m1", 5, "!", 7)])], gap);
    expect(resumed.seq).toBe(7);
  });

  test.each([
    ["a length that is not what the op says", append("m1", 4, "!", 6)],
    ["an entity that the whole timeline does not hold", append("m9", 0, "!", 6)],
    ["a field that is no text", { ...append("m1", 0, "!", 6), field: "streaming" }],
  ])("an append to %s damages the base: no cursor to resume from", (_name, op) => {
    const base = fold(
      [uiEvent("c1", 5, 6, [upsert("ChatMessage", "m1", 1, 6, { content: "Hello", streaming: true })])],
      live(),
    );
    const state = fold([uiEvent("c1", 6, 7, [upsert("ChatRun", "r", 7, 7, {}), op])], base);
    expect(state.sync).toEqual({ phase: "gap", damaged: true });
    expect(cursorOf(state)).toBeNull();
    expect(shown(state)).toEqual(shown(base));
  });

  test("[FR15] lengths are UTF-16 code units", () => {
    const state = fold(
      [uiEvent("c1", 5, 6, [append("m1", 5, "👍", 6)]), uiEvent("c1", 6, 7, [append("m1", 7, "!", 7)])],
      live(),
    );
    expect(shown(state)).toEqual([wireEntity("ChatMessage", "m1", 1, 7, { content: "Hello👍!" })]);
  });

  test("[FR15] ids like object members are kept apart", () => {
    const ops = [upsert("K", "__proto__", 6, 6, { a: 1 }), upsert("K", "constructor", 6, 6, { a: 2 })];
    expect(shown(fold([uiEvent("c1", 5, 6, ops)], live()))).toHaveLength(3);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  test("several ops of one frame may carry the same updated", () => {
    const ops = [upsert("ChatMessage", "m2", 6, 6, { content: "a" }), append("m2", 1, "b", 6), append("m2", 2, "c", 6)];
    expect(shown(fold([uiEvent("c1", 5, 6, ops)], live())).at(-1)).toMatchObject({ payload: { content: "abc" } });
  });

  test("order is by created ordinal, then id", () => {
    const ops = [upsert("K", "b", 6, 6, {}), upsert("K", "a", 6, 6, {}), upsert("K", "z", 2, 6, {})];
    const ids = shown(fold([uiEvent("c1", 5, 6, ops)], live())).map((each) => (each as { id: string }).id);
    expect(ids).toEqual(["m1", "z", "a", "b"]);
  });
});

describe("subscribing", () => {
  test("[FR2] nothing of the conversation is applied before ws.subscribed", () => {
    const state = fold([snapshot("c1", 5, [message("Hello")]), uiEvent("c1", 0, 1, [])]);
    expect(state.epoch).toBeNull();
    expect(shown(state)).toEqual([]);
  });

  test("[FR13] parts of a snapshot show nothing until the last one is there", () => {
    const parts = [
      subscribed("c1", "snapshot", 0, 9, "e2"),
      snapshot("c1", 9, [wireEntity("K", "a", 1, 1, {})], { part: 1, last: false, epoch: "e2" }),
      snapshot("c1", 9, [wireEntity("K", "b", 2, 2, {})], { part: 2, last: true, epoch: "e2" }),
    ];
    const half = fold(parts.slice(0, 2), live());
    expect(shown(half)).toEqual([message("Hello")]);
    const whole = fold(parts.slice(2), half);
    expect(shown(whole)).toHaveLength(2);
    expect(cursorOf(whole)).toEqual({ epoch: "e2", seq: 9 });
  });

  test.each([
    ["a part of another epoch", { part: 2, epoch: "e3" }],
    ["a part that is not the next", { part: 3, epoch: "e2" }],
  ])("[FR4] %s is never put together with the others", (_name, shape) => {
    const first = snapshot("c1", 9, [], { part: 1, last: false, epoch: "e2" });
    const state = fold([subscribed("c1", "snapshot", 0, 9, "e2"), first, snapshot("c1", 9, [], shape)], live());
    expect(state.sync).toEqual({ phase: "gap", damaged: true });
  });

  test("[FR4] a new epoch replaces the base, also with a smaller version", () => {
    const state = fold([subscribed("c1", "snapshot", 0, 2, "e2"), snapshot("c1", 2, [], { epoch: "e2" })], live());
    expect(shown(state)).toEqual([]);
    expect(cursorOf(state)).toEqual({ epoch: "e2", seq: 2 });
  });

  test.each([
    ["another epoch", "e2", 5],
    ["another ordinal", "e1", 4],
  ])("[FR4] resumed onto %s is not believed", (_name, epoch, from) => {
    const state = fold([subscribed("c1", "resumed", from, 9, epoch)], live());
    expect(cursorOf(state)).toBeNull();
  });

  test("resumed is caught up only when the missed events are there", () => {
    const resumed = fold([subscribed("c1", "resumed", 5, 6)], merge(live(), { type: "local.lost" }));
    expect(isCaughtUp(resumed)).toBe(false);
    expect(isCaughtUp(fold([uiEvent("c1", 5, 6, [])], resumed))).toBe(true);
  });
});

describe("laws", () => {
  test("[FR6] snapshot at k, then the frames after k: the same as the snapshot at the head", () => {
    fc.assert(
      fc.property(deeds, fc.nat(), (done, pick) => {
        const log = new Log("c1", done);
        const k = pick % (log.head + 1);
        const state = fold([...log.snapshotAt(k), ...log.frames.slice(k)]);
        expect(shown(state)).toEqual(log.at(log.head));
        expect(state.seq).toBe(log.head);
      }),
    );
  });

  test("[FR3] duplicates, losses and disorder, each gap answered by resuming: the same end", () => {
    fc.assert(
      fc.property(deeds, fc.array(fc.nat({ max: 60 }), { maxLength: 80 }), (done, picks) => {
        const log = new Log("c1", done);
        let state = fold(log.snapshotAt(0));
        const deliver = (frame: string | undefined) => {
          if (frame) state = fold([frame], state);
          if (state.sync.phase === "gap") state = resume(log, state);
        };
        for (const pick of picks) deliver(log.frames[pick % log.head]);
        state = resume(log, state);
        expect(shown(state)).toEqual(log.at(log.head));
      }),
    );
  });

  test("[FR13] an older page and live frames, in any order: the same end", () => {
    fc.assert(
      fc.property(deeds, fc.nat(), fc.nat(), fc.nat(), fc.nat(), (done, a, b, c, window) => {
        const log = new Log("c1", done);
        const [base, asked, read] = [a, b, c].map((each) => each % (log.head + 1)).sort((x, y) => x - y) as [
          number,
          number,
          number,
        ];
        // The page is asked for at `asked`, read by the server at `read`, and comes at the end or as early as it can.
        for (const arrives of [asked, log.head]) {
          let state = fold(log.snapshotAt(base, 1 + (window % 4)));
          state = fold(log.frames.slice(base, asked), state);
          if (!state.hasMore) continue;
          state = merge(state, { type: "page.asked" });
          state = fold(log.frames.slice(asked, arrives), state);
          const older = log.at(read).filter((each) => Number((each as { created: string }).created) < state.oldest);
          const page = decodePage({ conv_id: "c1", epoch: "e1", version: String(read), entities: older });
          state = merge(state, { type: "page.came", page });
          state = fold(log.frames.slice(arrives), state);
          expect(state.sync.phase).toBe("live");
          expect(shown(state)).toEqual(log.at(log.head));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("[MG1] merge changes nothing that it was given", () => {
    fc.assert(
      fc.property(deeds, (done) => {
        const log = new Log("c1", done);
        const states = [fold(log.snapshotAt(0))];
        for (const frame of log.frames) states.push(fold([frame], states.at(-1)));
        for (const [ordinal, state] of states.entries()) expect(shown(state)).toEqual(log.at(ordinal));
      }),
    );
  });
});

test("[FR13] an append to an entity older than the window is skipped", () => {
  const window = snapshot("c1", 5, [wireEntity("ChatMessage", "m2", 4, 4, {})], { hasMore: true, oldest: 4 });
  const state = fold([subscribed("c1", "snapshot", 0, 5), window, uiEvent("c1", 5, 6, [append("m1", 7, "!", 6)])]);
  expect(state.seq).toBe(6);
  expect(shown(state)).toHaveLength(1);
});

test("[FR13] a page that was asked for before the base was replaced is not used", () => {
  const window = snapshot("c1", 5, [wireEntity("K", "b", 4, 4, {})], { hasMore: true, oldest: 4 });
  let state = merge(fold([subscribed("c1", "snapshot", 0, 5), window]), { type: "page.asked" });
  state = fold([subscribed("c1", "snapshot", 0, 5), window], merge(state, { type: "local.lost" }));
  const page = decodePage({ conv_id: "c1", epoch: "e1", version: "3", entities: [wireEntity("K", "a", 1, 1, {})] });
  expect(shown(merge(state, { type: "page.came", page }))).toHaveLength(1);
});

test("[FR13] found by fuzzing: a page that is newer than the frames lacks what they still append to", () => {
  const window = snapshot("c1", 4, [wireEntity("ChatMessage", "m1", 4, 4, {})], { hasMore: true, oldest: 4 });
  let state = merge(fold([subscribed("c1", "snapshot", 0, 4), window]), { type: "page.asked" });
  const page = decodePage({ conv_id: "c1", epoch: "e1", version: "6", entities: [] });
  state = merge(state, { type: "page.came", page });
  state = fold([uiEvent("c1", 4, 5, [append("m0", 2, "!", 5)])], state);
  state = fold([uiEvent("c1", 5, 6, [{ op: "remove", kind: "ChatMessage", id: "m0", updated: "6" }])], state);
  expect(state).toMatchObject({ seq: 6, sync: { phase: "live" } });
  expect(fold([uiEvent("c1", 6, 7, [append("m0", 2, "!", 7)])], state).sync.phase).toBe("live");
  expect(fold([uiEvent("c1", 6, 7, [append("m9", 2, "!", 7)])], state).sync.phase).toBe("gap");
});

test("[FR13] what was removed is not brought back by an older page", () => {
  const window = snapshot("c1", 5, [wireEntity("K", "b", 4, 4, {})], { hasMore: true, oldest: 4 });
  let state = merge(fold([subscribed("c1", "snapshot", 0, 5), window]), { type: "page.asked" });
  state = fold([uiEvent("c1", 5, 6, [{ op: "remove", kind: "K", id: "a", updated: "6" }])], state);
  const page = decodePage({ conv_id: "c1", epoch: "e1", version: "5", entities: [wireEntity("K", "a", 1, 1, {})] });
  expect(shown(merge(state, { type: "page.came", page }))).toHaveLength(1);
});

function resume(log: Log, state: ConversationState): ConversationState {
  const cursor = cursorOf(state);
  if (!cursor) return fold(log.snapshotAt(log.head), state);
  return fold([subscribed("c1", "resumed", cursor.seq, log.head), ...log.frames.slice(cursor.seq)], state);
}
