// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test } from "vitest";
import { judgePrompt } from "../src/ui/composer/promptLimit.ts";
import { Screen } from "./support/screen.ts";
import { control, hello, uiEvent, upsert } from "./support/wire.ts";

let screen: Screen;

beforeEach(async () => {
  screen = new Screen();
  await screen.goLive([], 100, { max_prompt_chars: 10 });
});
afterEach(() => {
  screen.unmount();
  screen.element.remove();
});

test("Enter sends the text and empties the composer", async () => {
  await screen.type("Hello");
  const event = await screen.press("Enter");
  expect(event.defaultPrevented).toBe(true);
  expect(screen.commands()).toMatchObject([{ name: "chat.submit", data: { prompt: "Hello", profile: "default" } }]);
  expect(screen.composer.value).toBe("");
});

test.each([
  ["Shift+Enter", { shiftKey: true }],
  ["Enter that ends a composition", { isComposing: true }],
  ["Enter with the key code of a composition", { keyCode: 229 }],
])("%s does not send", async (_name, more) => {
  await screen.type("Hello");
  const event = await screen.press("Enter", more);
  expect(event.defaultPrevented).toBe(false);
  expect(screen.commands()).toEqual([]);
  expect(screen.composer.value).toBe("Hello");
});

test("Escape leaves the composer and keeps the text", async () => {
  await screen.type("Hello");
  screen.composer.focus();
  expect(document.activeElement).toBe(screen.composer);
  await screen.press("Escape");
  expect(document.activeElement).not.toBe(screen.composer);
  expect(screen.composer.value).toBe("Hello");
});

test.each(["keydown", "keypress", "keyup"])("no %s leaves the chat, and the notebook is told to keep out", (type) => {
  const heard: string[] = [];
  const listen = () => heard.push(type);
  document.body.addEventListener(type, listen);
  screen.composer.dispatchEvent(
    new KeyboardEvent(type, { key: "Enter", shiftKey: true, bubbles: true, composed: true }),
  );
  document.body.removeEventListener(type, listen);
  expect(heard).toEqual([]);
  expect(screen.composer.closest("[data-lm-suppress-shortcuts=true]")).not.toBeNull();
});

test("blank text is not sent", async () => {
  await screen.type(" \n ");
  await screen.press("Enter");
  expect(screen.commands()).toEqual([]);
  expect(screen.find<HTMLButtonElement>("[data-webchat=send]").disabled).toBe(true);
});

test("[AC6] a prompt that is too long is told and not sent", async () => {
  await screen.type("x".repeat(11));
  await screen.press("Enter");
  expect(screen.commands()).toEqual([]);
  expect(screen.text).toContain("11 of at most 10 characters");
});

test("[AC6] characters are counted as the server counts them", () => {
  expect(judgePrompt("👍".repeat(10), 10)).toBe("ok");
  expect(judgePrompt("👍".repeat(11), 10)).toBe("too_long");
  expect(judgePrompt("x".repeat(1_000_000), null)).toBe("ok");
});

test("a prompt that is on its way is shown as such and not on the timeline", async () => {
  await screen.type("Hello");
  await screen.press("Enter");
  expect(screen.find("[data-webchat=pending]").textContent).toContain("HelloSending…");
  expect(screen.has("[data-kind]")).toBe(false);
  await screen.say(control("ws.ack", { id: screen.commands()[0]?.id, status: "started" }));
  expect(screen.has("[data-webchat=pending]")).toBe(false);
});

test("a refused prompt comes back with the reason", async () => {
  await screen.type("Hello");
  await screen.press("Enter");
  const id = screen.commands()[0]?.id;
  await screen.say(control("ws.nack", { id, code: "queue_full", message: "The queue is full", retryable: true }));
  expect(screen.composer.value).toBe("Hello");
  expect(screen.find("[role=alert]").textContent).toContain("The queue is full");
});

test("Stop is there while a run is active, and Send still works", async () => {
  expect(screen.has("[data-webchat=stop]")).toBe(false);
  await screen.say(uiEvent("c1", 100, 101, [upsert("ChatRun", "r1", 101, 101, { status: "running" })]));
  await screen.click("[data-webchat=stop]");
  expect(screen.commands()).toMatchObject([{ name: "chat.cancel", data: { run_id: "r1" } }]);
  expect(screen.find("[data-webchat=stop]").getAttribute("aria-label")).toBe("Stopping…");
  await screen.type("More");
  await screen.click("[data-webchat=send]");
  expect(screen.commands()[1]).toMatchObject({ data: { prompt: "More", on_busy: "queue" } });
  await screen.say(uiEvent("c1", 101, 102, [upsert("ChatRun", "r1", 101, 102, { status: "stopped" })]));
  expect(screen.has("[data-webchat=stop]")).toBe(false);
});

test("the focus is never taken", async () => {
  expect(document.activeElement).toBe(document.body);
  await screen.say(
    uiEvent("c1", 100, 101, [upsert("ChatMessage", "m", 101, 101, { role: "assistant", content: "x" })]),
  );
  expect(document.activeElement).toBe(document.body);
});

test("a draft survives a new view, and two views show the same one", async () => {
  await screen.type("half");
  const { element } = screen;
  screen.unmount();
  expect(element.innerHTML).toBe("");
  expect(screen.client.drafts.get("c1")).toBe("half");
  expect(screen.world.keep.read("draft:server:c1")).toBe("half");
  expect(hello()).toContain("ws.hello");
});
