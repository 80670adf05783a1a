import { expect, test } from "vitest";
import { merge } from "../src/store/merge.ts";
import { presentedKeys } from "../src/store/presentation.ts";
import { emptyConversation } from "../src/store/state.ts";
import { decodeOne, snapshot, subscribed, wireEntity } from "./support/wire.ts";

const message = (id: string, created: number, role: string, runId: string) =>
  wireEntity("ChatMessage", id, created, created, { messageId: id, role, runId });
const run = (id: string, created: number) => wireEntity("ChatRun", id, created, created, { runId: id });

function shown(entities: readonly object[]): readonly string[] {
  const frames = [subscribed("c", "snapshot", 0, 99), snapshot("c", 99, entities)];
  const state = frames.map(decodeOne).reduce(merge, emptyConversation("c"));
  return presentedKeys(state).map((key) => state.entities.get(key)?.id ?? "");
}

test("a prompt that waited stands below the answer that was still coming", () => {
  const waiting = [message("u2", 5, "user", "r2"), run("r2", 6)];
  const answer = [message("u1", 1, "user", "r1"), run("r1", 2), message("a1", 3, "assistant", "r1")];
  expect(shown([...answer, ...waiting, message("a2", 7, "assistant", "r1")])).toEqual([
    "u1",
    "a1",
    "a2",
    "r1",
    "u2",
    "r2",
  ]);
});

test("what names no run belongs to the run that spoke last, and a result is shown by its call", () => {
  const entities = [
    message("u1", 1, "user", "r1"),
    run("r1", 2),
    wireEntity("ChatToolCall", "k", 3, 3, { toolCallId: "k", runId: "r1" }),
    message("u2", 4, "user", "r2"),
    wireEntity("ChatToolResult", "k:result", 5, 5, { toolCallId: "k" }),
    wireEntity("ResearchPlan", "plan", 6, 6, {}),
  ];
  expect(shown(entities)).toEqual(["u1", "k", "plan", "r1", "u2"]);
});
