import { Connection, type ConnectionListener, type LinkStatus } from "../connection/connection.ts";
import type { ConnectionPorts } from "../connection/ports.ts";
import { type Command, type CommandName, commandFrame } from "../protocol/clientFrames.ts";
import { decodePage } from "../protocol/decodeEntity.ts";
import type { AckFrame, Frame, Limits, NackFrame, TimelinePage } from "../protocol/frames.ts";
import { newCommandId } from "./commandId.ts";
import { Conversation, type ConversationHost } from "./conversation.ts";
import { Drafts } from "./drafts.ts";
import type { Keep } from "./keep.ts";
import { Outbox, type PendingCommand } from "./outbox.ts";

/** A conversation without views is kept this long: hosts take a view away and put it back. */
const LINGER_MS = 5_000;
const PAGE_SIZE = 100;

export interface ClientPorts extends ConnectionPorts {
  readonly getJson: (path: string) => Promise<unknown>;
  /** Calls `wake` and `doubt` as the browser sees the network; returns the way to stop. */
  readonly watchNetwork: (listener: { wake(): void; doubt(): void }) => () => void;
  readonly keep: Keep;
}

interface Open {
  readonly conversation: Conversation;
  viewCount: number;
  cancelLinger: () => void;
}

interface ProfileJson {
  readonly slug?: unknown;
  readonly title?: unknown;
  readonly is_default?: unknown;
}

/** Everything of one server on one page: one connection, its conversations, what waits to be sent. */
export class Client implements ConversationHost, ConnectionListener {
  readonly drafts: Drafts;
  readonly clock;
  readonly random;
  /** Titles of the profiles by slug, the default one's also under "", once the server told them. */
  profileTitles: ReadonlyMap<string, string> = new Map();

  private readonly connection: Connection;
  private readonly outbox: Outbox;
  private readonly opened = new Map<string, Open>();
  private stopWatching: (() => void) | null = null;

  constructor(
    private readonly ports: ClientPorts,
    serverKey: string,
  ) {
    this.clock = ports.clock;
    this.random = ports.random;
    this.drafts = new Drafts(ports.keep, serverKey);
    this.outbox = new Outbox(ports.keep, `outbox:${serverKey}`, () => ports.clock.now());
    this.connection = new Connection(ports, this);
    for (const { command } of this.outbox.stale) this.giveBack(command);
  }

  get link(): LinkStatus {
    return this.connection.status;
  }

  get limits(): Limits {
    return this.connection.limits;
  }

  /** Opens a conversation for one view; connects if nothing is connected yet. Pair it with `close`. */
  open(convId: string): Conversation {
    const open = this.opened.get(convId) ?? this.begin(convId);
    open.cancelLinger();
    open.viewCount += 1;
    this.stopWatching ??= this.ports.watchNetwork({
      wake: () => this.connection.wake(),
      doubt: () => this.connection.doubt(),
    });
    this.connection.start();
    return open.conversation;
  }

  /** One view less. The last one takes the conversation, the last conversation the connection with it. */
  close(conversation: Conversation): void {
    const open = this.opened.get(conversation.convId);
    if (open?.conversation !== conversation) return;
    open.viewCount -= 1;
    if (open.viewCount === 0) open.cancelLinger = this.clock.after(LINGER_MS, () => this.end(open));
  }

  reconnect(): void {
    this.connection.reconnect();
  }

  isReady(): boolean {
    return this.connection.isOpen();
  }

  send(text: string): void {
    this.connection.send(text);
  }

  command(name: CommandName, convId: string, data: Readonly<Record<string, unknown>>): void {
    const command: Command = { id: newCommandId(), name, convId, data };
    const text = commandFrame(command);
    const { maxFrameBytes } = this.limits;
    if (maxFrameBytes && new TextEncoder().encode(text).length > maxFrameBytes) {
      this.giveBack(command);
      this.refused(command, "too_large", "");
      return;
    }
    this.outbox.add(command);
    this.send(text);
  }

  pendingOf(convId: string): readonly PendingCommand[] {
    return this.outbox.entries.filter((each) => each.command.convId === convId);
  }

  async fetchOlder(convId: string, before: number): Promise<TimelinePage> {
    const query = new URLSearchParams({ conv_id: convId, before: String(before), limit: String(PAGE_SIZE) });
    return decodePage(await this.ports.getJson(`v1/timeline?${query}`));
  }

  onReady(): void {
    for (const { conversation } of this.opened.values()) conversation.follow();
    for (const { command } of this.outbox.entries) this.send(commandFrame(command));
    if (this.profileTitles.size === 0) void this.loadProfiles();
  }

  onFrame(frame: Frame): void {
    if (frame.type === "ws.ack" || frame.type === "ws.nack") this.answered(frame);
    else if (!("convId" in frame)) return;
    else if (frame.convId) this.opened.get(frame.convId)?.conversation.handle(frame);
    else if (frame.type === "ws.error") console.warn(`webchat_nb: ${frame.code}: ${frame.message}`);
  }

  onLost(): void {
    for (const { conversation } of this.opened.values()) conversation.lost();
  }

  onStatus(): void {
    for (const { conversation } of this.opened.values()) conversation.notify();
  }

  private begin(convId: string): Open {
    const conversation = new Conversation(convId, this);
    const open: Open = { conversation, viewCount: 0, cancelLinger: () => {} };
    this.opened.set(convId, open);
    conversation.follow();
    return open;
  }

  private end(open: Open): void {
    open.conversation.unfollow();
    this.opened.delete(open.conversation.convId);
    if (this.opened.size > 0) return;
    this.connection.stop();
    this.stopWatching?.();
    this.stopWatching = null;
  }

  private answered(frame: AckFrame | NackFrame): void {
    const command = this.outbox.settle(frame.id);
    if (!command) return;
    if (frame.type === "ws.nack") {
      this.giveBack(command);
      this.refused(command, frame.code, frame.message);
    }
    this.opened.get(command.convId)?.conversation.notify();
  }

  private refused(command: Command, code: string, message: string): void {
    const conversation = this.opened.get(command.convId)?.conversation;
    conversation?.stopping.delete(String(command.data.run_id ?? ""));
    conversation?.tellProblem({ code, message, isFinal: false });
  }

  /** A prompt that was not taken goes back to where it was typed. */
  private giveBack(command: Command): void {
    const { prompt } = command.data;
    if (command.name === "chat.submit" && typeof prompt === "string") this.drafts.restore(command.convId, prompt);
  }

  private async loadProfiles(): Promise<void> {
    try {
      const answer = (await this.ports.getJson("v1/profiles")) as { profiles?: ProfileJson[] };
      const titles = new Map<string, string>();
      for (const { slug, title, is_default } of answer.profiles ?? []) {
        titles.set(String(slug), String(title || slug));
        if (is_default === true) titles.set("", String(title || slug));
      }
      this.profileTitles = titles;
      this.onStatus();
    } catch {
      // The slug is shown instead.
    }
  }
}
