// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { toolState } from "../src/renderers/ChatToolCall/toolState.ts";
import { builtinRenderers, type Renderer } from "../src/renderers/registry.ts";
import { Screen } from "./support/screen.ts";
import { append, snapshot, subscribed, uiEvent, upsert, wireEntity } from "./support/wire.ts";

let screen: Screen;

beforeEach(() => {
  screen = new Screen();
});
afterEach(() => {
  screen.unmount();
  screen.element.remove();
});

const say = (id: string, created: number, role: string, content: string, more: object = {}) =>
  wireEntity("ChatMessage", id, created, created, { messageId: id, role, content, ...more });
const run = (id: string, created: number, status: string, more: object = {}) =>
  wireEntity("ChatRun", id, created, created, { runId: id, status, ...more });

describe("handles", () => {
  test("[MG6] root, timeline, entities, content and composer carry their handles", async () => {
    await screen.goLive([say("m1", 1, "user", "Hello"), say("m2", 2, "assistant", "**Hi**", { streaming: true })]);
    const root = screen.find("[data-webchat=root]");
    expect(root.dataset).toMatchObject({ state: "live", conversation: "c1" });
    expect(screen.find("[data-webchat=timeline]").getAttribute("role")).toBe("log");
    const answer = screen.find('[data-kind="ChatMessage"][data-entity-id="m2"]');
    expect(answer.dataset).toMatchObject({ role: "assistant", streaming: "true" });
    expect(answer.querySelector("[data-webchat=content]")?.textContent?.trim()).toBe("Hi");
    expect(screen.find('[data-entity-id="m1"]').dataset).toMatchObject({ role: "user", streaming: "false" });
    expect(screen.has("[data-webchat=composer]") && screen.has("[data-webchat=send]")).toBe(true);
  });

  test("[MG6] data-state follows the connection", async () => {
    expect(screen.find("[data-webchat=root]").dataset.state).toBe("connecting");
    await screen.goLive();
    screen.world.socket.close(1006);
    await screen.draw();
    expect(screen.find("[data-webchat=root]").dataset.state).toBe("reconnecting");
    screen.world.clock.pass(250);
    screen.world.socket.close(4503);
    await screen.draw();
    expect(screen.find("[data-webchat=root]").dataset.state).toBe("ended");
    expect(screen.find("[role=alert]").textContent).toContain("You may not read this conversation.");
    const before = screen.world.sockets.length;
    await screen.click("[role=alert] button");
    expect(screen.world.sockets).toHaveLength(before + 1);
  });

  test("a server without the extension: what to do is said, and it is offline", async () => {
    screen.world.probe = "absent";
    screen.world.socket.close(1006);
    await screen.draw();
    await screen.draw();
    expect(screen.find("[data-webchat=root]").dataset.state).toBe("offline");
    expect(screen.text).toContain("pip install webchat-nb");
  });
});

describe("messages", () => {
  test("a prompt is shown as it was typed, an answer as Markdown", async () => {
    await screen.goLive([say("u", 1, "user", "**a**\n<b>b</b>"), say("a", 2, "assistant", "**a**")]);
    expect(screen.find("[data-entity-id=u] [data-webchat=content]").textContent).toBe("**a**\n<b>b</b>");
    expect(screen.find("[data-entity-id=a] strong").textContent).toBe("a");
  });

  test("[MG2] live, reloaded and resumed screens show the same text", async () => {
    await screen.goLive([], 0);
    const content = "# T\n\n- a\n- b\n\n```py\nx\n```\n\nend";
    let seq = 1;
    await screen.say(uiEvent("c1", 0, 1, [upsert("ChatMessage", "m", 1, 1, { role: "assistant", streaming: true })]));
    for (const [at, char] of [...content].entries()) {
      seq += 1;
      await screen.say(uiEvent("c1", seq - 1, seq, [append("m", at, char, seq)]));
    }
    const liveText = screen.find("[data-entity-id=m]").innerHTML;
    const reloaded = new Screen();
    await reloaded.goLive(
      [wireEntity("ChatMessage", "m", 1, seq, { role: "assistant", content, streaming: true })],
      seq,
    );
    expect(reloaded.find("[data-entity-id=m]").innerHTML).toBe(liveText);
    reloaded.unmount();
  });

  test("thoughts are folded, named by whether they go on", async () => {
    await screen.goLive([say("t", 1, "thinking", "hmm", { streaming: true })]);
    expect(screen.find("[data-entity-id=t] summary").textContent).toBe("Thinking…");
    expect(screen.find<HTMLDetailsElement>("[data-entity-id=t] details").open).toBe(false);
    await screen.say(
      uiEvent("c1", 100, 101, [upsert("ChatMessage", "t", 1, 101, { role: "thinking", content: "hmm" })]),
    );
    expect(screen.find("[data-entity-id=t] summary").textContent).toBe("Thoughts");
  });

  test("[G7] one token redraws one card", async () => {
    await screen.goLive([say("a", 1, "assistant", "one"), say("b", 2, "assistant", "two")]);
    const changed: Node[] = [];
    const observer = new MutationObserver((records) => changed.push(...records.map((record) => record.target)));
    observer.observe(screen.element, { childList: true, subtree: true, characterData: true, attributes: true });
    await screen.say(uiEvent("c1", 100, 101, [append("b", 3, "!", 101)]));
    observer.disconnect();
    expect(changed.length).toBeGreaterThan(0);
    const card = screen.find("[data-entity-id=b]");
    expect(changed.every((node) => card.contains(node))).toBe(true);
  });
});

describe("tools", () => {
  test("call and result are one card, also when the result comes later", async () => {
    const call = { toolCallId: "t1", toolName: "get_weather", input: '{"city":"Paris"}', executing: true };
    await screen.goLive([wireEntity("ChatToolCall", "t1", 1, 1, call)]);
    const card = screen.find("[data-entity-id=t1]");
    expect(card.dataset.state).toBe("running");
    expect(card.querySelector("pre")?.textContent).toBe('{\n  "city": "Paris"\n}');
    const result = upsert("ChatToolResult", "t1:result", 101, 101, { toolCallId: "t1", result: "18", status: "ok" });
    await screen.say(uiEvent("c1", 100, 101, [result]));
    expect(card.querySelector('[data-kind=ChatToolResult][data-entity-id="t1:result"]')?.textContent).toContain("18");
    expect(card.dataset.state).toBe("done");
    expect(screen.element.querySelectorAll("[data-kind=ChatToolResult]")).toHaveLength(1);
  });

  test("a result whose call is not on the screen stands alone", async () => {
    await screen.goLive([wireEntity("ChatToolResult", "t9:result", 1, 1, { result: "x", status: "ok" })]);
    expect(screen.has(".wcn-group > [data-kind=ChatToolResult]")).toBe(true);
  });

  test.each([
    [{ executing: true }, undefined, "running"],
    [{}, undefined, "preparing"],
    [{ status: "done" }, undefined, "done"],
    [{ executing: true }, { result: "1" }, "done"],
    [{ status: "done" }, { status: "error" }, "failed"],
    [{ error: "no" }, undefined, "failed"],
    [{ error: "no", status: "denied" }, undefined, "denied"],
    [{ status: "stopped" }, undefined, "stopped"],
    [{ error: "the run ended", status: "stopped" }, undefined, "stopped"],
  ])("%j with %j is %s", (call, result, state) => {
    expect(toolState(call, result)).toBe(state);
  });
});

describe("runs", () => {
  test("a failed run says why at the end of its turn; Retry asks again what was asked", async () => {
    const failed = run("r1", 2, "failed", { error: "overloaded", retryable: true });
    await screen.goLive([
      say("u", 1, "user", "Why?", { runId: "r1" }),
      failed,
      say("a", 3, "assistant", "Be", { runId: "r1" }),
    ]);
    const ids = [...screen.element.querySelectorAll<HTMLElement>("[data-kind]")].map((each) => each.dataset.entityId);
    expect(ids).toEqual(["u", "a", "r1"]);
    expect(screen.find("[data-entity-id=r1]").textContent).toContain("overloaded");
    await screen.click("[data-webchat=retry]");
    expect(screen.commands()).toMatchObject([{ name: "chat.submit", data: { prompt: "Why?" } }]);
  });

  test("a run that may not be retried offers no Retry", async () => {
    await screen.goLive([say("u", 1, "user", "Why?", { runId: "r1" }), run("r1", 2, "failed", { error: "no" })]);
    expect(screen.has("[data-webchat=retry]")).toBe(false);
  });

  test("a queued run tells its place and can be removed", async () => {
    await screen.goLive([run("r1", 1, "queued", { queuePosition: 2 })]);
    expect(screen.text).toContain("number 2 in the queue");
    await screen.click("[data-entity-id=r1] button");
    expect(screen.commands()).toMatchObject([{ name: "chat.cancel", data: { run_id: "r1" } }]);
  });

  test("a finished run says nothing, and is there for those who look", async () => {
    await screen.goLive([run("r1", 1, "finished")]);
    expect(screen.find("[data-entity-id=r1]").dataset.status).toBe("finished");
    expect(screen.find("[data-entity-id=r1]").textContent).toBe("");
  });

  test("[MG5] a connection lost in the middle of a run says so, and never done", async () => {
    await screen.goLive([run("r1", 1, "running"), say("a", 2, "assistant", "Be", { runId: "r1", streaming: true })]);
    expect(screen.text).not.toContain("Connection lost");
    screen.world.socket.close(1006);
    await screen.draw();
    expect(screen.find("[data-entity-id=r1]").textContent).toContain("Connection lost");
    expect(screen.find("[data-entity-id=r1]").dataset.status).toBe("running");
    expect(screen.find("[data-entity-id=a]").dataset.streaming).toBe("true");
  });
});

describe("other kinds", () => {
  test("[MG3] an unknown kind gets the fallback card", async () => {
    await screen.goLive([wireEntity("ResearchPlan", "p", 1, 1, { title: "Plan", steps: [1] })]);
    expect(screen.find("[data-kind=ResearchPlan]").textContent).toContain("Plan");
  });

  test("[MG3] an error in one renderer stays in its card, and the next change tries again", async () => {
    const fragile: Renderer = ({ entity }) => {
      if (entity.payload.bad) throw new Error("broken renderer");
      return <div data-kind={entity.kind}>fine</div>;
    };
    (builtinRenderers as Map<string, Renderer>).set("Fragile", fragile);
    vi.spyOn(console, "error").mockImplementation(() => {});
    await screen.goLive([wireEntity("Fragile", "f", 1, 1, { bad: true }), say("a", 2, "assistant", "still here")]);
    expect(screen.find("[data-kind=Fragile]").textContent).toContain("broken renderer");
    expect(screen.text).toContain("still here");
    await screen.say(uiEvent("c1", 100, 101, [upsert("Fragile", "f", 1, 101, {})]));
    expect(screen.find("[data-kind=Fragile]").textContent).toBe("fine");
    (builtinRenderers as Map<string, Renderer>).delete("Fragile");
  });

  test("[FR4] an erased conversation is empty on the screen too", async () => {
    await screen.goLive([say("a", 1, "assistant", "old")]);
    await screen.say(subscribed("c1", "snapshot", 0, 0, "e2"), snapshot("c1", 0, [], { epoch: "e2" }));
    expect(screen.has("[data-kind]")).toBe(false);
    expect(screen.text).toContain("Ask anything");
  });
});
