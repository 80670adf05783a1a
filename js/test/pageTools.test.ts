import { beforeEach, describe, expect, test, vi } from "vitest";
import { Client } from "../src/client/client.ts";
import type { Conversation } from "../src/client/conversation.ts";
import type { BrowserTool, ToolCallContext } from "../src/client/tools/ToolRegistry.ts";
import { FakeKeep, FakeWorld, settle } from "./support/fakes.ts";
import { control, hello, snapshot, subscribed, uiEvent, upsert, wireEntity } from "./support/wire.ts";

type Json = Record<string, unknown>;

const SCHEMA = { type: "object", properties: { by: { type: "number" } } };

/** A page with one conversation; the test is its server. */
class Page {
  readonly world: FakeWorld;
  readonly client: Client;
  readonly conversation: Conversation;
  private seq = 100;

  constructor(keep = new FakeKeep()) {
    this.world = new FakeWorld(keep);
    this.client = new Client(this.world.ports, "server");
    this.conversation = this.client.open("c1");
  }

  register(tool: Partial<BrowserTool>): () => void {
    return this.world.tools.register({ name: "zoom", description: "Zooms.", inputSchema: SCHEMA, ...tool });
  }

  async goLive(entities: readonly object[] = [], limits: object = {}): Promise<void> {
    this.world.socket.say(hello(limits), subscribed("c1", "snapshot", 0, this.seq));
    this.world.socket.say(snapshot("c1", this.seq, entities));
    await settle();
  }

  /** How many tools each manifest told of. */
  get toldCounts(): number[] {
    return this.commands("tool.manifest").map(({ data }) => ((data as Json).tools as Json[]).length);
  }

  async reconnect(entities: readonly object[] = []): Promise<void> {
    this.world.socket.close(1006);
    this.world.clock.pass(5_000);
    await this.goLive(entities);
  }

  /** The call as it is now, on the timeline. */
  async call(payload: object = {}): Promise<void> {
    const entity = upsert("ChatToolCall", "k1", this.seq, this.seq + 1, callOf(payload));
    this.world.socket.say(uiEvent("c1", this.seq, ++this.seq, [entity], "tool.executing"));
    await settle();
  }

  commands(name: string): Json[] {
    return this.world.socket.frames("command").filter((each) => each.name === name);
  }

  get claims(): Json[] {
    return this.commands("tool.result").filter(({ data }) => (data as Json).claim === true);
  }

  /** What results were sent, without whose they are. */
  get results(): Json[] {
    const datas = this.commands("tool.result").map(({ data }) => data as Json);
    return datas.filter(({ claim }) => !claim).map(({ client_id, ...rest }) => rest);
  }

  async answer(command: Json | undefined, data: object): Promise<void> {
    this.world.socket.say(control("ws.ack", { id: command?.id, ...data }));
    await settle();
  }

  async refuse(command: Json | undefined, code: string, message: string): Promise<void> {
    this.world.socket.say(control("ws.nack", { id: command?.id, code, message, retryable: false }));
    await settle();
  }

  async win(): Promise<void> {
    await this.answer(this.claims.at(-1), { accepted: true });
  }
}

function callOf(payload: object): object {
  const call = { toolCallId: "k1", toolName: "zoom", input: '{"by": 2}', status: "executing", place: "browser" };
  return { ...call, executing: true, ...payload };
}

const one = (): number => 1;

let page: Page;

beforeEach(() => {
  page = new Page();
});

describe("what the server is told", () => {
  test("[TL7] tools that come together are told together, those of the conversation only", async () => {
    page.register({ run: one, timeoutS: 5 });
    page.register({ name: "ask", description: "Asks.", answerSchema: SCHEMA, approval: "always" });
    page.register({ name: "elsewhere", run: one, conversation: "c2" });
    expect(page.world.socket.sent).toEqual([]);
    await page.goLive();
    const [told, ...more] = page.commands("tool.manifest");
    expect(more).toEqual([]);
    const tools = [
      { name: "zoom", description: "Zooms.", inputSchema: SCHEMA, timeoutS: 5 },
      { name: "ask", description: "Asks.", inputSchema: SCHEMA, answerSchema: SCHEMA, approval: "always" },
    ];
    expect(told).toMatchObject({ conv_id: "c1", data: { client_id: expect.stringMatching(/.{16}/), tools } });
  });

  test("[TL7] again on each connection and before the lease is over; nothing while there is nothing", async () => {
    await page.goLive();
    expect(page.commands("tool.manifest")).toEqual([]);
    const unregister = page.register({ run: one });
    page.register({ name: "pan", run: one });
    await settle();
    expect(page.commands("tool.manifest")).toHaveLength(1);
    await page.reconnect();
    expect(page.commands("tool.manifest")).toHaveLength(1);
    for (let passed = 0; passed < 16; passed += 1) {
      page.world.clock.pass(20_000);
      page.world.socket.say(control("ws.pong", {}));
    }
    expect(page.commands("tool.manifest")).toHaveLength(2);
    unregister();
    await settle();
    expect(page.toldCounts).toEqual([2, 2, 1]);
  });

  test("each registration is taken back by itself", async () => {
    const tool = { run: one, name: "pan" };
    const takeBack = page.register(tool);
    page.register(tool);
    tool.name = "no longer a name";
    await page.goLive();
    takeBack();
    await settle();
    page.register({ run: one });
    await settle();
    expect(page.toldCounts).toEqual([1, 2]);
  });

  test("[TL7] who leaves the conversation takes the tools along", async () => {
    page.register({ run: one });
    await page.goLive();
    page.client.close(page.conversation);
    page.world.clock.pass(5_000);
    expect(page.toldCounts).toEqual([1, 0]);
  });

  test("a manifest that is refused is told to whoever wrote the tools", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    page.register({ run: one });
    await page.goLive();
    await page.refuse(page.commands("tool.manifest")[0], "bad_request", "tools[0].inputSchema: no");
    expect(warn.mock.calls.join()).toContain("tools[0].inputSchema: no");
    expect(page.conversation.problem).toBeNull();
  });

  test.each([
    [{ name: "no spaces", run: one }, "name"],
    [{ name: "x".repeat(65), run: one }, "name"],
    [{ description: undefined as never, run: one }, "description"],
    [{ inputSchema: "text" as never, run: one }, "inputSchema"],
    [{}, "either run or answerSchema"],
    [{ run: one, answerSchema: SCHEMA }, "either run or answerSchema"],
  ])("what is no tool is refused at once, and the field is named: %j", (tool, words) => {
    expect(() => page.register(tool)).toThrow(words);
  });
});

describe("a call", () => {
  type Run = (input: { by: number }, call: ToolCallContext) => unknown;
  const run = vi.fn<Run>((input) => ({ scale: input.by * 2 }));

  beforeEach(async () => {
    run.mockClear();
    page.register({ run });
    await page.goLive();
  });

  test("[TL7] is claimed, run once, and answered", async () => {
    await page.call();
    expect(run).not.toHaveBeenCalled();
    expect(page.claims).toHaveLength(1);
    await page.call({ progress: "…" });
    await page.win();
    await page.call({ progress: "more" });
    expect(page.claims).toHaveLength(1);
    expect(run.mock.calls).toEqual([[{ by: 2 }, expect.objectContaining({ callId: "k1", convId: "c1" })]]);
    expect(page.results).toEqual([{ tool_call_id: "k1", result: { scale: 4 } }]);
    await page.win();
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("[TL7] is left alone when another page has it, or the server does not let this one", async () => {
    await page.call();
    await page.answer(page.claims[0], { accepted: false });
    await page.call({ progress: "…" });
    await page.call({ status: "finished" });
    await page.call();
    await page.refuse(page.claims[1], "unknown_tool_call", "no such call");
    expect(run).not.toHaveBeenCalled();
    expect(page.results).toEqual([]);
    expect(page.conversation.problem).toBeNull();
  });

  test.each([
    ["a kernel's", { place: "kernel" }],
    ["the server's", { place: "" }],
    ["a person's", { answerSchema: "{}" }],
    ["unknown here", { toolName: "other" }],
    ["not begun", { status: "requested" }],
    ["over", { status: "finished" }],
  ])("[TL7] that is %s is none of this page's", async (_what, payload) => {
    await page.call(payload);
    expect(page.claims).toEqual([]);
  });

  test("[TL7] that was there before the page or the tool is made too", async () => {
    const other = new Page();
    await other.goLive([wireEntity("ChatToolCall", "k1", 1, 2, callOf({}))]);
    expect(other.claims).toEqual([]);
    other.register({ run });
    await settle();
    await other.win();
    expect(other.results).toEqual([{ tool_call_id: "k1", result: { scale: 4 } }]);
  });

  test("[TL7] a claim without an answer is made again on the next connection, under the same key", async () => {
    await page.call();
    const [claim] = page.claims;
    await page.reconnect([wireEntity("ChatToolCall", "k1", 100, 101, callOf({}))]);
    expect(page.claims).toEqual([claim]);
    await page.win();
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("[TL7] that was begun before a reload is not begun again: another page claims it in vain", async () => {
    await page.call();
    await page.win();
    const after = new Page(page.world.keep);
    after.register({ run });
    await after.goLive([wireEntity("ChatToolCall", "k1", 100, 101, callOf({}))]);
    const [before, now] = [page.claims[0]?.data as Json, after.claims[0]?.data as Json];
    expect(now.client_id).not.toBe(before.client_id);
    // The result that the server had not taken yet is sent once more, as that of the page that made the call.
    expect(after.commands("tool.result")[0]).toEqual(page.commands("tool.result")[1]);
    await after.answer(after.claims[0], { accepted: false });
    expect(run).toHaveBeenCalledTimes(1);
  });

  test.each([
    ["throws", () => Promise.reject(new Error("no map")), "no map"],
    ["throws a word", () => Promise.reject("away"), "away"],
    ["gives what JSON cannot hold", () => 1n, "BigInt"],
  ])("[TL7] a tool that %s gives an error result", async (_what, failing, words) => {
    run.mockImplementationOnce(failing);
    await page.call();
    await page.win();
    expect(page.results).toEqual([{ tool_call_id: "k1", result: expect.stringContaining(words), is_error: true }]);
  });

  test("nothing is a result too", async () => {
    run.mockImplementationOnce(() => undefined);
    await page.call();
    await page.win();
    expect(page.results).toEqual([{ tool_call_id: "k1", result: "" }]);
  });

  test("[TL7] arguments that are no JSON are an error result", async () => {
    await page.call({ input: '{"by"' });
    await page.win();
    expect(page.results).toMatchObject([{ is_error: true }]);
    expect(run).not.toHaveBeenCalled();
  });

  test("[TL7] a result that the server refuses becomes an error result, once", async () => {
    await page.call();
    await page.win();
    await page.refuse(page.commands("tool.result")[1], "too_large", "the limit is 10");
    expect(page.results[1]).toEqual({ tool_call_id: "k1", result: "the limit is 10", is_error: true });
    await page.refuse(page.commands("tool.result")[2], "already_answered", "it was");
    expect(page.results).toHaveLength(2);
    expect(page.conversation.deliveries.get("k1")).toBeUndefined();
  });

  test("[TL7] a result over the frame's limit becomes an error result", async () => {
    run.mockImplementationOnce(() => "x".repeat(2_000));
    page.world.socket.close(1006);
    page.world.clock.pass(5_000);
    await page.goLive([], { max_frame_bytes: 1_000 });
    await page.call();
    await page.win();
    expect(page.results).toEqual([
      { tool_call_id: "k1", result: expect.stringContaining("too large"), is_error: true },
    ]);
  });

  test.each([["stopped"], ["failed"]])("[TL7] its signal tells when it was %s, and nothing is sent", async (status) => {
    let signal: AbortSignal | undefined;
    let finish = (_result: string) => {};
    run.mockImplementationOnce((_input, call) => {
      signal = call.signal;
      return new Promise((resolve) => {
        finish = resolve;
      });
    });
    await page.call();
    await page.win();
    expect(signal?.aborted).toBe(false);
    await page.call({ status });
    expect(signal?.aborted).toBe(true);
    finish("too late");
    await settle();
    expect(page.results).toEqual([]);
  });

  test("[TL7] when the chat is closed the model need not wait for its time-out", async () => {
    run.mockImplementationOnce(() => new Promise(() => {}));
    await page.call();
    await page.win();
    page.client.close(page.conversation);
    page.world.clock.pass(5_000);
    expect(run.mock.calls[0]?.[1].signal.aborted).toBe(true);
    expect(page.results).toEqual([{ tool_call_id: "k1", result: expect.stringContaining("closed"), is_error: true }]);
  });
});
