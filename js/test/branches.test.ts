import fc from "fast-check";
import { expect, test } from "vitest";
import { merge } from "../src/store/merge.ts";
import { present } from "../src/store/presentation.ts";
import { type ConversationState, emptyConversation } from "../src/store/state.ts";
import { decodeOne, snapshot, subscribed, wireEntity } from "./support/wire.ts";

/** A turn as the server makes it: prompt, run, answer. */
interface Said {
  readonly id: string;
  readonly follows?: string;
  /** Answers the prompt of this turn again. */
  readonly again?: string;
  readonly status?: "queued" | "finished" | "dropped";
  readonly position?: number;
}

function talk(turns: readonly Said[]): ConversationState {
  let created = 0;
  const entities = turns.flatMap(({ id, follows, again, status = "finished", position }) => {
    const promptId = `${again ?? id}-user`;
    const parent = follows === undefined ? {} : { parentMessageId: follows };
    const prompt = { messageId: promptId, role: "user", content: id, runId: `run-${id}`, ...parent };
    const begun = status === "finished" ? { startedAtMs: "1", endedAtMs: "2" } : {};
    const ended = status === "dropped" ? { endedAtMs: "2" } : {};
    const shownStatus = status === "dropped" ? "stopped" : status;
    const run = {
      runId: `run-${id}`,
      messageId: promptId,
      status: shownStatus,
      queuePosition: position,
      ...begun,
      ...ended,
    };
    const answer = { messageId: `${id}:text:1`, role: "assistant", runId: `run-${id}`, parentMessageId: promptId };
    const made = again ? [] : [wireEntity("ChatMessage", promptId, ++created, created, prompt)];
    made.push(wireEntity("ChatRun", `run-${id}`, ++created, created, run));
    if (status === "finished") made.push(wireEntity("ChatMessage", answer.messageId, ++created, created, answer));
    return made;
  });
  const frames = [subscribed("c", "snapshot", 0, 99), snapshot("c", 99, entities)];
  return frames.map(decodeOne).reduce(merge, emptyConversation("c"));
}

/** What is shown, by message id, without status lines; and at which messages there are forks. */
function shown(state: ConversationState, choices: Readonly<Record<string, string>> = {}) {
  const { keys, forks, parent } = present(state, new Map(Object.entries(choices)));
  const messages = keys.filter((key) => key.startsWith("ChatMessage\n")).map((key) => key.split("\n")[1]);
  const marks = [...forks].map(([key, fork]) => `${key.split("\n")[1]} ${fork.index + 1}/${fork.options.length}`);
  return { messages, forks: marks, parent };
}

const line: readonly Said[] = [{ id: "a" }, { id: "b", follows: "a:text:1" }, { id: "c", follows: "b:text:1" }];

test("a conversation without forks is shown from its beginning to its end", () => {
  expect(shown(talk(line))).toEqual({
    messages: ["a-user", "a:text:1", "b-user", "b:text:1", "c-user", "c:text:1"],
    forks: [],
    parent: null,
  });
});

test("[RN10] an edited prompt is shown instead of the first, until the person goes back", () => {
  const state = talk([...line, { id: "b2", follows: "a:text:1" }]);
  expect(shown(state)).toEqual({
    messages: ["a-user", "a:text:1", "b2-user", "b2:text:1"],
    forks: ["b2-user 2/2"],
    parent: null,
  });
  expect(shown(state, { "run-a": "b-user" })).toEqual({
    messages: ["a-user", "a:text:1", "b-user", "b:text:1", "c-user", "c:text:1"],
    forks: ["b-user 1/2"],
    parent: "c:text:1",
  });
});

test("[RN10] the first prompt can have versions too", () => {
  const state = talk([...line, { id: "a2" }]);
  expect(shown(state).messages).toEqual(["a2-user", "a2:text:1"]);
  expect(shown(state, { "": "a-user" }).messages).toHaveLength(6);
});

test("[RN14] an answer that was made again is shown instead of the first", () => {
  const state = talk([...line, { id: "b2", again: "b" }]);
  expect(shown(state)).toEqual({
    messages: ["a-user", "a:text:1", "b-user", "b2:text:1"],
    forks: ["b2:text:1 2/2"],
    parent: null,
  });
  expect(shown(state, { "prompt b-user": "run-b" }).messages.slice(-3)).toEqual(["b:text:1", "c-user", "c:text:1"]);
});

test("[RN10] the side where something was begun last is shown, also deep below a fork", () => {
  const state = talk([...line, { id: "b2", follows: "a:text:1" }, { id: "d", follows: "c:text:1" }]);
  expect(shown(state).messages.slice(-2)).toEqual(["d-user", "d:text:1"]);
});

test("[RN11] prompts that wait stand at the end, in the order of the line, and are no versions", () => {
  const state = talk([
    { id: "a" },
    { id: "x", follows: "a-user", status: "queued", position: 2 },
    { id: "y", follows: "a-user", status: "queued", position: 1 },
    { id: "z", again: "a", status: "queued", position: 3 },
  ]);
  expect(shown(state)).toEqual({ messages: ["a-user", "a:text:1", "y-user", "x-user"], forks: [], parent: null });
});

test("[RN11] a prompt that was dropped before it began stays, and hides nothing", () => {
  const state = talk([
    { id: "a" },
    { id: "b", follows: "a:text:1" },
    { id: "x", follows: "a-user", status: "dropped" },
    { id: "c", follows: "b:text:1" },
  ]);
  const { messages, forks } = shown(state);
  expect(messages).toContain("x-user");
  expect(messages.filter((id) => id !== "x-user")).toEqual(shown(talk(line)).messages);
  expect(forks).toEqual([]);
});

test("feedback is shown by its answer", () => {
  const entities = [wireEntity("ChatFeedback", "a:text:1", 1, 1, { messageId: "a:text:1", value: "up" })];
  const frames = [subscribed("c", "snapshot", 0, 9), snapshot("c", 9, entities)];
  const state = frames.map(decodeOne).reduce(merge, emptyConversation("c"));
  expect(present(state, new Map()).keys).toEqual([]);
});

test("[RN10] whatever the tree: one way is shown, every prompt can be reached, and the newest turn without a choice", () => {
  const picks = fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(picks, (drawn) => {
      const turns: Said[] = [];
      for (const [pick, isAgain] of drawn) {
        const before = turns.length > 0 ? turns[pick % turns.length] : undefined;
        const id = `t${turns.length}`;
        if (before === undefined) turns.push({ id });
        else if (isAgain) turns.push({ id, again: before.again ?? before.id });
        else turns.push({ id, follows: `${before.id}:text:1` });
      }
      const state = talk(turns);
      expect(shown(state).messages.at(-1)).toBe(`${turns.at(-1)?.id}:text:1`);
      expect(shown(state).parent).toBeNull();
      const seen = new Set<string | undefined>();
      const tried = new Set<string>();
      const explore = (choices: Readonly<Record<string, string>>): void => {
        const id = JSON.stringify(choices);
        if (tried.has(id) || tried.size > 300) return;
        tried.add(id);
        const { keys, forks } = present(state, new Map(Object.entries(choices)));
        expect(new Set(keys).size).toBe(keys.length);
        for (const key of keys) seen.add(key.split("\n")[1]);
        for (const fork of forks.values())
          for (const option of fork.options) explore({ ...choices, [fork.at]: option });
      };
      explore({});
      if (tried.size <= 300) for (const turn of turns) expect(seen).toContain(`${turn.id}:text:1`);
    }),
    { numRuns: 60 },
  );
});
