// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test } from "vitest";
import * as markdown from "../src/markdown/markdown.ts";
import { settle } from "./support/fakes.ts";
import { Screen } from "./support/screen.ts";
import { hello, snapshot, subscribed, wireEntity } from "./support/wire.ts";

const ANSWER = wireEntity("ChatMessage", "m1", 1, 2, { role: "assistant", content: "**bold** <b>x</b>" });

/** What the server would bring comes when the test says so. */
class Door {
  readonly calls: { resolve(module: unknown): void; reject(error: Error): void }[] = [];
  readonly load = () => new Promise<unknown>((resolve, reject) => this.calls.push({ resolve, reject }));
}

let door: Door;
let screen: Screen;

beforeEach(() => {
  door = new Door();
  screen = new Screen(door.load);
});
afterEach(() => screen.unmount());

async function fail(call: number): Promise<void> {
  door.calls[call]?.reject(new Error("blocked"));
  await settle();
  await screen.draw();
}

async function bring(call: number, module: unknown = markdown): Promise<void> {
  door.calls[call]?.resolve(module);
  await settle();
  await screen.draw();
}

async function loseAndReturn(): Promise<void> {
  screen.world.socket.close(1006);
  screen.world.clock.pass(5_000);
  await screen.say(hello(), subscribed("c1", "snapshot", 0, 100), snapshot("c1", 100, [ANSWER]));
}

const shown = () => screen.find("[data-webchat=content]").firstElementChild;

test("[MG7] it is asked for while connecting, once, and until it is there text waits as it was written", async () => {
  expect(door.calls).toHaveLength(1);
  await screen.goLive([ANSWER]);
  expect(shown()?.className).toBe("wcn-verbatim wcn-awaited");
  expect(shown()?.textContent).toBe("**bold** <b>x</b>");
  await bring(0);
  expect(screen.has(".wcn-awaited")).toBe(false);
  expect(screen.find("strong").textContent).toBe("bold");
  expect(door.calls).toHaveLength(1);
});

test("[MG7] when it is there before the first message, no message is ever shown without it", async () => {
  await bring(0);
  const seen: string[] = [];
  const observer = new MutationObserver(() => seen.push(screen.element.innerHTML));
  observer.observe(screen.element, { childList: true, subtree: true });
  await screen.goLive([ANSWER]);
  observer.disconnect();
  expect(screen.find("strong").textContent).toBe("bold");
  expect(seen.filter((html) => html.includes("wcn-verbatim"))).toEqual([]);
});

test("[MG7] where it cannot be had, text is shown as it was written and each connection asks once more", async () => {
  await screen.goLive([ANSWER]);
  await fail(0);
  expect(shown()?.className.trim()).toBe("wcn-verbatim");
  expect(shown()?.innerHTML).toBe("**bold** &lt;b&gt;x&lt;/b&gt;");
  expect(screen.find("[data-webchat=root]").dataset.state).toBe("live");
  expect(screen.has("[role=alert]")).toBe(false);
  expect(door.calls).toHaveLength(1);

  await loseAndReturn();
  expect(door.calls).toHaveLength(2);
  await fail(1);
  await loseAndReturn();
  expect(door.calls).toHaveLength(3);
  await bring(2);
  expect(screen.find("strong").textContent).toBe("bold");
  await loseAndReturn();
  expect(door.calls).toHaveLength(3);
});

test.each([[{}], [null], ["text"], [{ newBlocks: 1 }]])(
  "[MG7] a module of another version that does not fit is as good as none: %j",
  async (module) => {
    await screen.goLive([ANSWER]);
    await bring(0, module);
    expect(shown()?.textContent).toBe("**bold** <b>x</b>");
    expect(screen.has(".wcn-failed")).toBe(false);
  },
);
