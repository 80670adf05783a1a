import { expect, test } from "vitest";
import { decodeFrame } from "../src/protocol/decode.ts";
import { append, control, decodeOne, hello, uiEvent, upsert } from "./support/wire.ts";

test("a UI event is read with its ordinals as numbers", () => {
  const frame = decodeOne(uiEvent("c1", 16, 17, [append("m1", 5, " world", 17)]));
  expect(frame).toMatchObject({ type: "event", name: "llm.delta", convId: "c1", seq: 17, prev: 16 });
  expect(frame.type === "event" && frame.ops[0]).toMatchObject({ op: "append", at: 5, updated: 17 });
});

test("hello without limits and heartbeat gets the protocol's defaults", () => {
  expect(decodeOne(control("ws.hello", {}))).toMatchObject({ heartbeatMs: 25_000, limits: {} });
  expect(decodeOne(hello({ max_prompt_chars: 10 }))).toMatchObject({ limits: { maxPromptChars: 10 } });
});

test("a control frame of a later protocol is no error", () => {
  expect(decodeOne(control("ws.later", {}))).toEqual({ type: "unknown", name: "ws.later" });
});

test.each([
  ["not json", "{", "frame"],
  ["no envelope", JSON.stringify({ event: {} }), "sem"],
  ["no type", JSON.stringify({ sem: true, event: {} }), "type"],
  ["an ordinal above 2^53", uiEvent("c1", 0, 2 ** 53, []), "seq"],
  ["a negative ordinal", uiEvent("c1", -1, 1, []), "prev"],
  ["an unknown op", uiEvent("c1", 0, 1, [{ op: "eval" }]), "op"],
  ["an op without its text", uiEvent("c1", 0, 1, [{ ...append("m", 0, "", 1), text: 5 }]), "text"],
  [
    "an entity without payload",
    uiEvent("c1", 0, 1, [{ op: "upsert", entity: { kind: "K", id: "i", created: "1", updated: "1" } }]),
    "payload",
  ],
  ["a prototype as field", uiEvent("c1", 0, 1, [{ ...append("m", 0, "x", 1), field: "__proto__" }]), "field"],
  ["a mode nobody knows", control("ws.subscribed", { conv_id: "c", epoch: "e", mode: "magic" }), "mode"],
])("[FR15] %s is refused, and the error names the field", (_name, text, field) => {
  expect(() => decodeFrame(text)).toThrow(expect.objectContaining({ field }));
});

test("[FR15] ids that look like object members are ids like any other", () => {
  const frame = decodeOne(uiEvent("c1", 0, 1, [upsert("constructor", "__proto__", 1, 1, {})]));
  expect(frame.type === "event" && frame.ops[0]).toMatchObject({ entity: { kind: "constructor", id: "__proto__" } });
});
