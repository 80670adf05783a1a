// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hello, snapshot, subscribed, wireEntity } from "./support/wire.ts";

/** The browser's websocket, as far as we use it. */
class BrowserSocket {
  static readonly OPEN = 1;
  static readonly made: BrowserSocket[] = [];
  readonly readyState = 1;
  readonly sent: string[] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(readonly url: string) {
    BrowserSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }
}

/** An anywidget model that remembers who listens. */
class Model {
  readonly listeners = new Map<string, Set<() => void>>();
  readonly written: string[] = [];
  constructor(readonly traits: Record<string, unknown>) {}

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string): void {
    this.written.push(name);
  }

  save_changes(): void {
    this.written.push("save");
  }

  on(name: string, listener: () => void): void {
    this.listeners.set(name, (this.listeners.get(name) ?? new Set()).add(listener));
  }

  off(name: string, listener: () => void): void {
    this.listeners.get(name)?.delete(listener);
  }

  change(name: string, value: unknown): void {
    this.traits[name] = value;
    for (const listener of this.listeners.get(`change:${name}`) ?? []) listener();
  }

  get listenerCount(): number {
    return [...this.listeners.values()].reduce((count, each) => count + each.size, 0);
  }
}

type Module = { default: { initialize: (props: object) => unknown; render: (props: object) => () => void } };

const KEY = Symbol.for("webchat_nb");
const traits = () => ({ conversation: "c1", profile: "default", height: 460, placeholder: "" });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", BrowserSocket);
  vi.stubGlobal("fetch", vi.fn().mockRejectedValue(new TypeError("no network")));
  document.body.innerHTML = `<script id="jupyter-config-data" type="application/json">{"baseUrl":"/user/a/","token":"t0"}</script>`;
});

afterEach(() => {
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  BrowserSocket.made.length = 0;
  delete (globalThis as { [KEY]?: unknown })[KEY];
  sessionStorage.clear();
});

/** Each widget is a module of its own, as from its own Blob URL. */
async function freshModule(): Promise<Module> {
  vi.resetModules();
  return (await import("../src/widget.ts")) as unknown as Module;
}

function show(module: Module, model: Model, signal?: AbortSignal): { element: HTMLElement; dispose: () => void } {
  const element = document.createElement("div");
  const dispose = module.default.render({ model, el: element, signal });
  document.body.append(element);
  return { element, dispose };
}

/** Each module copy has its own Preact, out of reach of this one's `act`: give it the time it wants. */
async function drawn(): Promise<void> {
  await vi.advanceTimersByTimeAsync(50);
}

function say(...texts: string[]): void {
  for (const text of texts) BrowserSocket.made.at(-1)?.onmessage?.({ data: text });
  vi.advanceTimersByTime(50);
}

test("initialize touches nothing: no socket, no request, no trait", async () => {
  const model = new Model(traits());
  (await freshModule()).default.initialize({ model });
  expect(BrowserSocket.made).toHaveLength(0);
  expect(fetch).not.toHaveBeenCalled();
  expect(model.listenerCount).toBe(0);
});

test("[AC7] the server is found on the page; the socket goes to its mount, without a token in its address", async () => {
  show(await freshModule(), new Model(traits()));
  expect(BrowserSocket.made[0]?.url).toBe("ws://localhost:3000/user/a/webchat/v1/ws");
});

test("[FR14] two widgets from two module copies share one socket and one conversation; the last one out closes it", async () => {
  const first = show(await freshModule(), new Model(traits()));
  const second = show(await freshModule(), new Model(traits()));
  expect(BrowserSocket.made).toHaveLength(1);
  const message = wireEntity("ChatMessage", "m", 1, 1, { role: "assistant", content: "shared" });
  say(hello(), subscribed("c1", "snapshot", 0, 1), snapshot("c1", 1, [message]));
  await drawn();
  const subscribes = BrowserSocket.made[0]?.sent.filter((text) => text.includes('"subscribe"'));
  expect(subscribes).toHaveLength(1);
  expect(first.element.textContent).toContain("shared");
  expect(second.element.textContent).toContain("shared");
  first.dispose();
  vi.advanceTimersByTime(10_000);
  expect(BrowserSocket.made[0]?.isClosed).toBe(false);
  second.dispose();
  vi.advanceTimersByTime(5_000);
  expect(BrowserSocket.made[0]?.isClosed).toBe(true);
});

test("a view that the host throws away without a word lets go by itself", async () => {
  const { element } = show(await freshModule(), new Model(traits()));
  say(hello());
  element.remove();
  vi.advanceTimersByTime(9_000);
  expect(BrowserSocket.made[0]?.isClosed).toBe(false);
  vi.advanceTimersByTime(7_000);
  expect(BrowserSocket.made[0]?.isClosed).toBe(true);
});

test("a view that is put back follows again", async () => {
  const { element } = show(await freshModule(), new Model(traits()));
  say(hello());
  element.remove();
  vi.advanceTimersByTime(60_000);
  document.body.append(element);
  expect(BrowserSocket.made).toHaveLength(2);
});

test("rendering many times leaves no listener and no socket behind", async () => {
  const module = await freshModule();
  const model = new Model(traits());
  for (let round = 0; round < 10; round += 1) show(module, model).dispose();
  expect(model.listenerCount).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(BrowserSocket.made.filter((socket) => !socket.isClosed)).toHaveLength(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("the host's signal ends a view like its clean-up does; both together are harmless", async () => {
  const controller = new AbortController();
  const model = new Model(traits());
  const { element, dispose } = show(await freshModule(), model, controller.signal);
  controller.abort();
  expect(element.innerHTML).toBe("");
  dispose();
  expect(model.listenerCount).toBe(0);
});

test("changed traits change the view: another conversation, height, placeholder", async () => {
  const model = new Model(traits());
  const { element } = show(await freshModule(), model);
  const root = () => element.querySelector<HTMLElement>("[data-webchat=root]");
  model.change("height", 300);
  await drawn();
  expect(root()?.style.height).toBe("300px");
  model.change("placeholder", "Ask me");
  await drawn();
  expect(element.querySelector("textarea")?.placeholder).toBe("Ask me");
  model.change("conversation", "c2");
  await drawn();
  expect(root()?.dataset.conversation).toBe("c2");
  model.change("conversation", "no good");
  await drawn();
  expect(root()?.dataset.state).toBe("offline");
});

test("[MG4] nothing is ever written to the traits", async () => {
  const model = new Model(traits());
  const { element } = show(await freshModule(), model);
  say(hello(), subscribed("c1", "snapshot", 0, 0), snapshot("c1", 0, []));
  await drawn();
  const composer = element.querySelector("textarea");
  if (composer) composer.value = "secret";
  composer?.dispatchEvent(new Event("input", { bubbles: true }));
  await drawn();
  element.querySelector<HTMLElement>("[data-webchat=send]")?.click();
  await drawn();
  expect(BrowserSocket.made[0]?.sent.some((text) => text.includes("secret"))).toBe(true);
  expect(model.written).toEqual([]);
});

test("no Jupyter server on the page: says so, and opens nothing", async () => {
  document.body.innerHTML = "";
  const { element } = show(await freshModule(), new Model(traits()));
  expect(element.querySelector<HTMLElement>("[data-webchat=root]")?.dataset.state).toBe("offline");
  expect(element.textContent).toContain("pip install webchat-nb");
  expect(BrowserSocket.made).toHaveLength(0);
});

test("inside a shadow root the style sheet comes along, once", async () => {
  const host = document.body.appendChild(document.createElement("div"));
  const shadow = host.attachShadow({ mode: "open" });
  const module = await freshModule();
  for (let round = 0; round < 2; round += 1) {
    const element = document.createElement("div");
    module.default.render({ model: new Model({ ...traits(), _css: ".wcn-root{}" }), el: element });
    shadow.append(element);
    await drawn();
  }
  expect(shadow.querySelectorAll("style")).toHaveLength(1);
});

test("[TL6] a widget says which kernel it was made in; one that was made in none says nothing", async () => {
  show(await freshModule(), new Model(traits()));
  say(hello());
  const bindings = () => BrowserSocket.made[0]?.sent.filter((text) => text.includes("kernel.bind")) ?? [];
  expect(bindings()).toEqual([]);
  show(await freshModule(), new Model({ ...traits(), _kernel: "k1" }));
  expect(bindings().map((text) => JSON.parse(text))).toMatchObject([{ conv_id: "c1", data: { kernel_id: "k1" } }]);
});
