import { beforeEach, describe, expect, test } from "vitest";
import { Client } from "../src/client/client.ts";
import type { Conversation } from "../src/client/conversation.ts";
import { screenState } from "../src/client/screenState.ts";
import { FakeKeep, FakeWorld, settle } from "./support/fakes.ts";
import { shown } from "./support/log.ts";
import { append, control, hello, snapshot, subscribed, uiEvent, wireEntity } from "./support/wire.ts";

let world: FakeWorld;
let client: Client;
let chat: Conversation;

const first = wireEntity("ChatMessage", "m1", 1, 1, { role: "assistant", content: "Hi" });

beforeEach(() => {
  world = new FakeWorld();
  client = new Client(world.ports, "server");
  chat = client.open("c1");
});

function goLive(): void {
  world.socket.say(hello(), subscribed("c1", "snapshot", 0, 5), snapshot("c1", 5, [first]));
}

/** Loses the socket and connects the next one. */
function lose(): void {
  const before = world.sockets.length;
  world.socket.close(1006);
  while (world.sockets.length === before) world.clock.pass(10);
}

describe("following", () => {
  test("[FR2] subscribes after hello, without a cursor at first", () => {
    goLive();
    expect(world.socket.frames()).toEqual([{ type: "subscribe", conv_id: "c1" }]);
    expect(screenState(client, chat)).toBe("live");
  });

  test("[FR4] reconnecting asks with its cursor and keeps its base meanwhile", () => {
    goLive();
    lose();
    expect(screenState(client, chat)).toBe("reconnecting");
    expect(shown(chat.state)).toHaveLength(1);
    world.socket.say(hello());
    expect(world.socket.frames("subscribe")).toEqual([
      { type: "subscribe", conv_id: "c1", since: { epoch: "e1", seq: "5" } },
    ]);
    world.socket.say(subscribed("c1", "resumed", 5, 6), uiEvent("c1", 5, 6, [append("m1", 2, "!", 6)]));
    expect(screenState(client, chat)).toBe("live");
  });

  test("[FR3] a gap: subscribes again at once with its cursor; a server that goes on like that is not hammered", () => {
    goLive();
    world.socket.say(uiEvent("c1", 7, 8, []));
    expect(world.socket.frames("subscribe")).toHaveLength(2);
    expect(world.socket.frames("subscribe")[1]).toMatchObject({ since: { seq: "5" } });
    world.socket.say(subscribed("c1", "resumed", 5, 8), uiEvent("c1", 7, 8, []));
    expect(world.socket.frames("subscribe")).toHaveLength(2);
    world.clock.pass(500);
    expect(world.socket.frames("subscribe")).toHaveLength(3);
  });

  test("a damaged base is asked for as a whole", () => {
    goLive();
    world.socket.say(uiEvent("c1", 5, 6, [append("m1", 99, "!", 6)]));
    expect(world.socket.frames("subscribe")[1]).toEqual({ type: "subscribe", conv_id: "c1" });
  });

  test("[FR14] several conversations on one socket, each on its own", () => {
    const other = client.open("c2");
    goLive();
    expect(world.sockets).toHaveLength(1);
    expect(world.socket.frames("subscribe").map((each) => each.conv_id)).toEqual(["c1", "c2"]);
    world.socket.say(uiEvent("c2", 7, 8, []));
    expect(chat.state.sync.phase).toBe("live");
    expect(other.state.sync.phase).toBe("cold");
  });

  test("[FR14] two views of one conversation share it; the last one out closes the socket", () => {
    const again = client.open("c1");
    expect(again).toBe(chat);
    goLive();
    client.close(again);
    world.clock.pass(20_000);
    expect(client.link.phase).toBe("ready");
    client.close(chat);
    world.clock.pass(5_000);
    expect(client.link.phase).toBe("idle");
    expect(world.network).toBeNull();
    expect(world.clock.timerCount).toBe(0);
  });

  test("a view that is put back soon finds everything as it was", () => {
    goLive();
    client.close(chat);
    world.clock.pass(4_999);
    expect(client.open("c1")).toBe(chat);
    world.clock.pass(10_000);
    expect(world.socket.frames("unsubscribe")).toHaveLength(0);
  });

  test("[FR3] a second UI event of one ordinal reaches listeners, old ones do not", () => {
    goLive();
    const names: string[] = [];
    chat.onUiEvent((event) => names.push(event.name));
    world.socket.say(uiEvent("c1", 5, 6, [], "a"), uiEvent("c1", 6, 6, [], "b"), uiEvent("c1", 4, 5, [], "old"));
    expect(names).toEqual(["a", "b"]);
  });

  test("a refusal that is final ends it, one that is not is tried again", () => {
    world.socket.say(hello(), control("ws.error", { code: "busy", message: "later", retryable: true, conv_id: "c1" }));
    world.clock.pass(500);
    expect(world.socket.frames("subscribe")).toHaveLength(2);
    world.socket.say(control("ws.error", { code: "forbidden", message: "no", retryable: false, conv_id: "c1" }));
    expect(screenState(client, chat)).toBe("ended");
  });

  test("an unreachable server is connecting first and offline after some tries", () => {
    expect(screenState(client, chat)).toBe("connecting");
    for (let round = 0; round < 3; round += 1) lose();
    expect(screenState(client, chat)).toBe("offline");
  });
});

describe("commands", () => {
  test("[FR12] a prompt waits for the connection and is sent again with the same id until answered", () => {
    chat.submit("Hello", "default");
    goLive();
    const [sent] = world.socket.frames("command");
    expect(sent).toMatchObject({
      name: "chat.submit",
      conv_id: "c1",
      data: { prompt: "Hello", profile: "default", on_busy: "queue" },
    });
    lose();
    world.socket.say(hello());
    expect(world.socket.frames("command")).toEqual([sent]);
    world.socket.say(control("ws.ack", { id: sent?.id, status: "started" }));
    expect(chat.pending()).toEqual([]);
    lose();
    world.socket.say(hello());
    expect(world.socket.frames("command")).toEqual([]);
  });

  test("[FR12] a reload right after Send loses nothing", () => {
    chat.submit("Hello", "");
    const reloaded = new FakeWorld(world.keep);
    const after = new Client(reloaded.ports, "server");
    expect(
      after
        .open("c1")
        .pending()
        .map((each) => each.command.data.prompt),
    ).toEqual(["Hello"]);
    reloaded.socket.say(hello());
    expect(reloaded.socket.frames("command")).toHaveLength(1);
  });

  test("a prompt of a page long gone goes back to the composer instead of being sent", () => {
    chat.submit("Hello", "");
    const reloaded = new FakeWorld(world.keep);
    reloaded.clock.pass(6 * 60_000);
    const after = new Client(reloaded.ports, "server");
    expect(after.open("c1").pending()).toEqual([]);
    expect(after.drafts.get("c1")).toBe("Hello");
  });

  test("a nack tells why and gives the text back, before what was typed meanwhile", () => {
    goLive();
    chat.submit("Hello", "");
    client.drafts.set("c1", "and more");
    const id = world.socket.frames("command")[0]?.id;
    world.socket.say(control("ws.nack", { id, code: "queue_full", message: "The queue is full", retryable: true }));
    expect(chat.problem).toMatchObject({ code: "queue_full", message: "The queue is full", isFinal: false });
    expect(client.drafts.get("c1")).toBe("Hello\nand more");
    expect(chat.pending()).toEqual([]);
  });

  test("a prompt larger than a frame may be never leaves, and is not lost", () => {
    world.socket.say(hello({ max_frame_bytes: 200 }));
    chat.submit("x".repeat(300), "");
    expect(world.socket.frames("command")).toHaveLength(0);
    expect(chat.problem?.code).toBe("too_large");
    expect(client.drafts.get("c1")).toHaveLength(300);
  });

  test("Stop names the run, and is taken back when the server refuses", () => {
    goLive();
    chat.cancel("r1");
    expect(world.socket.frames("command")[0]).toMatchObject({ name: "chat.cancel", data: { run_id: "r1" } });
    expect(chat.stopping.has("r1")).toBe(true);
    const id = world.socket.frames("command")[0]?.id;
    world.socket.say(control("ws.nack", { id, code: "unknown_run", message: "", retryable: false }));
    expect(chat.stopping.has("r1")).toBe(false);
  });

  test("[MG4] what is kept for a reload is the draft and the outbox, nothing else", () => {
    goLive();
    client.drafts.set("c1", "half a");
    chat.submit("Hello", "");
    expect([...world.keep.texts.keys()].sort()).toEqual(["draft:server:c1", "outbox:server"]);
    expect(new FakeKeep().read("x")).toBeNull();
  });
});

test("[FR13] an older page is fetched once, and shown above", async () => {
  const window = snapshot("c1", 5, [first], { hasMore: true, oldest: 1 });
  world.socket.say(hello(), subscribed("c1", "snapshot", 0, 5), window);
  const older = wireEntity("ChatMessage", "m0", 0, 0, { content: "older" });
  world.answers.set("v1/timeline", { conv_id: "c1", epoch: "e1", version: "5", entities: [older] });
  await Promise.all([chat.loadOlder(), chat.loadOlder()]);
  expect(shown(chat.state)).toEqual([older, first]);
  expect(chat.state.hasMore).toBe(false);
});

test("the profile's title is asked for once connected", async () => {
  world.answers.set("v1/profiles", { profiles: [{ slug: "default", title: "Demo" }] });
  goLive();
  await settle();
  expect(client.profileTitles.get("default")).toBe("Demo");
});

describe("kernels", () => {
  test("[TL6] a kernel is bound on each connection, before any prompt that waits", () => {
    client.bindKernel("c1", "k1");
    goLive();
    expect(world.socket.frames("command")).toMatchObject([{ name: "kernel.bind", data: { kernel_id: "k1" } }]);
    client.bindKernel("c2", "k1");
    client.bindKernel("c1", "k1");
    chat.submit("hi", "");
    lose();
    world.socket.say(hello());
    const names = world.socket.frames("command").map(({ name, conv_id }) => `${name} ${conv_id}`);
    expect(names).toEqual(["kernel.bind c1", "kernel.bind c2", "chat.submit c1"]);
    world.socket.say(control("ws.nack", { id: "unknown", code: "unknown_kernel", message: "", retryable: false }));
    expect(chat.problem).toBeNull();
  });
});
