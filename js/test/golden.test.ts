import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeFrame } from "../src/protocol/decode.ts";
import { merge } from "../src/store/merge.ts";
import { emptyConversation } from "../src/store/state.ts";
import { shown } from "./support/log.ts";

/** A recorded conversation: what came over the socket, and what a client must hold afterwards. */
interface Golden {
  readonly name: string;
  readonly frames: readonly object[];
  readonly expect: {
    readonly sync: string;
    readonly cursor: { readonly epoch: string; readonly seq: string };
    readonly entities: readonly object[];
  };
}

const FOLDER = new URL("../../tests/golden/frames/", import.meta.url);
const GOLDEN = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as Golden);

test("there are golden conversations", () => {
  expect(GOLDEN.length).toBeGreaterThanOrEqual(5);
});

test.each(GOLDEN)("[FR6] golden: $name", ({ frames, expect: expected }) => {
  const decoded = frames.map((frame) => decodeFrame(JSON.stringify(frame)));
  const state = decoded.reduce(merge, emptyConversation("golden"));
  expect(shown(state)).toEqual(expected.entities);
  expect({ epoch: state.epoch, seq: String(state.seq) }).toEqual(expected.cursor);
  expect(state.sync.phase).toBe(expected.sync);
});
