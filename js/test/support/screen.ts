import { signal } from "@preact/signals";
import { act } from "preact/test-utils";
import { Client } from "../../src/client/client.ts";
import * as markdown from "../../src/markdown/markdown.ts";
import { mountChat } from "../../src/ui/mount.tsx";
import { FakeWorld } from "./fakes.ts";
import { hello, snapshot, subscribed } from "./wire.ts";

/** A chat on a page that the test drives: what the server says, what a user sees and does. */
export class Screen {
  readonly world = new FakeWorld();
  readonly client: Client;
  readonly element = document.createElement("div");
  readonly options = {
    conversation: signal("c1"),
    profile: signal("default"),
    placeholder: signal(""),
    height: signal<number | null>(460),
  };
  readonly unmount: () => void;

  constructor(loadMarkdown: () => Promise<unknown> = async () => markdown) {
    this.world.loadMarkdown = loadMarkdown;
    this.client = new Client(this.world.ports, "server");
    document.body.append(this.element);
    let unmount = () => {};
    act(() => {
      unmount = mountChat(this.element, this.client, this.options);
    });
    this.unmount = () => act(() => unmount());
  }

  /** The server says something; the screen draws its next frame. */
  async say(...texts: readonly string[]): Promise<void> {
    this.world.socket.say(...texts);
    await this.draw();
  }

  async goLive(entities: readonly object[] = [], version = 100, limits: object = {}): Promise<void> {
    await this.say(hello(limits), subscribed("c1", "snapshot", 0, version), snapshot("c1", version, entities));
  }

  async draw(): Promise<void> {
    await act(async () => {
      await new Promise((done) => requestAnimationFrame(() => done(null)));
      await new Promise((done) => setTimeout(done, 0));
    });
  }

  find<T extends HTMLElement = HTMLElement>(selector: string): T {
    const found = this.element.querySelector<T>(selector);
    if (!found) throw new Error(`nothing matches ${selector} in ${this.element.innerHTML}`);
    return found;
  }

  has(selector: string): boolean {
    return this.element.querySelector(selector) !== null;
  }

  get text(): string {
    return this.element.textContent ?? "";
  }

  get composer(): HTMLTextAreaElement {
    return this.find("textarea[data-webchat=composer]");
  }

  async type(text: string): Promise<void> {
    this.composer.value = text;
    this.composer.dispatchEvent(new Event("input", { bubbles: true }));
    await this.draw();
  }

  async press(key: string, more: KeyboardEventInit = {}): Promise<KeyboardEvent> {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...more });
    this.composer.dispatchEvent(event);
    await this.draw();
    return event;
  }

  async click(selector: string): Promise<void> {
    act(() => this.find(selector).click());
    await this.draw();
  }

  commands(): Record<string, unknown>[] {
    return this.world.socket.frames("command");
  }
}
