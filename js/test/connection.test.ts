import { beforeEach, expect, test } from "vitest";
import { backoffMs } from "../src/connection/backoff.ts";
import { Connection, type ConnectionListener } from "../src/connection/connection.ts";
import { websocketUrl } from "../src/connection/server.ts";
import { FakeWorld, settle } from "./support/fakes.ts";
import { control, hello } from "./support/wire.ts";

let world: FakeWorld;
let connection: Connection;
let heard: string[];

beforeEach(() => {
  world = new FakeWorld();
  heard = [];
  const listener: ConnectionListener = {
    onReady: () => heard.push("ready"),
    onLost: () => heard.push("lost"),
    onFrame: (frame) => heard.push(frame.type),
    onStatus: () => {},
  };
  connection = new Connection(world.ports, listener);
});

function connect(): void {
  connection.start();
  world.socket.say(hello());
}

test("[FR1] it is ready when hello came, not before", () => {
  connection.start();
  connection.send("early");
  expect(connection.status.phase).toBe("connecting");
  world.socket.say(hello({ max_prompt_chars: 9 }));
  connection.send("now");
  expect(connection.status.phase).toBe("ready");
  expect(connection.limits.maxPromptChars).toBe(9);
  expect(world.socket.sent).toEqual(["now"]);
  expect(heard).toEqual(["ready", "ws.hello"]);
});

test("[FR9] backoff: full jitter, 0.25 s first, 20 s at most", () => {
  expect([0, 1, 2, 6, 7, 1000].map((attempt) => backoffMs(attempt, () => 1))).toEqual([
    250, 500, 1000, 16_000, 20_000, 20_000,
  ]);
  expect(backoffMs(5, () => 0)).toBe(0);
});

test("[FR9] each failure waits longer; a connection that lasted begins anew", () => {
  connect();
  const delays: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const before = world.sockets.length;
    world.socket.close(1006);
    const from = world.clock.now();
    while (world.sockets.length === before) world.clock.pass(10);
    delays.push(world.clock.now() - from);
  }
  expect(delays).toEqual([250, 500, 1000]);
  world.socket.say(hello());
  world.clock.pass(5_000);
  expect(connection.status.attempt).toBe(0);
});

test.each([4000, 4001, 4002, 4003, 4004, 1006, 1012])("[FR11] after %i it connects again by itself", (code) => {
  connect();
  world.socket.close(code);
  world.clock.pass(250);
  expect(world.sockets).toHaveLength(2);
});

test.each([4500, 4501, 4503, 4504])("[FR11] after %i it stays away until asked", (code) => {
  connect();
  world.socket.close(code);
  world.clock.pass(600_000);
  connection.wake();
  expect(connection.status).toMatchObject({ phase: "closed", closeCode: code });
  expect(world.sockets).toHaveLength(1);
  connection.reconnect();
  expect(world.sockets).toHaveLength(2);
});

test("[FR9] silence is asked about; silence after that is death", () => {
  connect();
  const first = world.socket;
  world.clock.pass(24_999);
  expect(first.frames("ws.ping")).toHaveLength(0);
  world.clock.pass(1);
  expect(first.frames("ws.ping")).toHaveLength(1);
  world.clock.pass(9_999);
  expect(first.isDropped).toBe(false);
  world.clock.pass(1);
  expect(first.isDropped).toBe(true);
  expect(heard).toContain("lost");
  world.clock.pass(250);
  expect(world.sockets).toHaveLength(2);
});

test("[FR9] any frame is a sign of life", () => {
  connect();
  for (let round = 0; round < 10; round += 1) {
    world.clock.pass(20_000);
    world.socket.say(control("ws.later", {}));
  }
  expect(world.sockets).toHaveLength(1);
  expect(world.socket.frames("ws.ping")).toHaveLength(0);
});

test("[FR9] the network comes back: a half-open socket is found within 5 s", () => {
  connect();
  const first = world.socket;
  connection.wake();
  expect(first.frames("ws.ping")).toHaveLength(1);
  world.clock.pass(5_000);
  expect(first.isDropped).toBe(true);
});

test("[FR9] the network comes back and the socket lives: nothing happens", () => {
  connect();
  connection.wake();
  world.socket.say(control("ws.pong", {}));
  world.clock.pass(5_000);
  expect(connection.status.phase).toBe("ready");
  expect(world.sockets).toHaveLength(1);
});

test("[FR9] the network comes back while waiting: at once, not after the rest of the wait", () => {
  connection.start();
  for (let round = 0; round < 8; round += 1) {
    world.socket.close(1006);
    if (round < 7) world.clock.pass(20_000);
  }
  const before = world.sockets.length;
  connection.wake();
  expect(world.sockets).toHaveLength(before + 1);
});

test("offline is a doubt: the socket is kept, and a frame removes it", () => {
  connect();
  connection.doubt();
  expect(connection.status.phase).toBe("doubtful");
  expect(world.socket.frames("ws.ping")).toHaveLength(1);
  world.socket.say(control("ws.pong", {}));
  expect(connection.status.phase).toBe("ready");
});

test("a server that never says hello is given up", () => {
  connection.start();
  world.clock.pass(15_000);
  expect(world.socket.isDropped).toBe(true);
  world.clock.pass(250);
  expect(world.sockets).toHaveLength(2);
});

test("a frame that is no frame is dropped and the connection stays", () => {
  connect();
  const warnings: unknown[] = [];
  const original = console.warn;
  console.warn = (...words: unknown[]) => warnings.push(words);
  world.socket.say("{", control("ws.pong", {}));
  console.warn = original;
  expect(warnings).toHaveLength(1);
  expect(heard.at(-1)).toBe("ws.pong");
});

test.each(["absent", "unauthorized"] as const)(
  "a handshake that fails with %s is told and retried slowly",
  async (found) => {
    world.probe = found;
    connection.start();
    world.socket.close(1006);
    await settle();
    expect(connection.status.phase).toBe(found);
    world.clock.pass(19_999);
    expect(world.sockets).toHaveLength(1);
    world.clock.pass(1);
    expect(world.sockets).toHaveLength(2);
  },
);

test("stopping leaves no socket and no timer", () => {
  connect();
  connection.stop();
  expect(world.socket.isDropped).toBe(true);
  expect(world.clock.timerCount).toBe(0);
});

test("a socket that was given up is no longer heard", () => {
  connect();
  const first = world.socket;
  world.clock.pass(35_000);
  const before = heard.length;
  first.say(control("ws.pong", {}));
  first.close(4500);
  expect(heard).toHaveLength(before);
  expect(connection.status.phase).not.toBe("closed");
});

test("the websocket address: the mount below the base, the token only to another origin", () => {
  expect(websocketUrl({ baseUrl: "https://h/user/a/webchat/", token: "" }, "p")).toBe("wss://h/user/a/webchat/v1/ws");
  expect(websocketUrl({ baseUrl: "http://h/webchat/", token: "t&" }, "p")).toBe("ws://h/webchat/v1/ws?token=t%26");
  expect(websocketUrl({ baseUrl: "http://h:1/webchat/", token: "t" }, "h:1")).toBe("ws://h:1/webchat/v1/ws");
});
