import { Connection, type ConnectionListener, type LinkStatus } from "../connection/connection.ts";
import type { ConnectionPorts } from "../connection/ports.ts";
import type { MarkdownState } from "../markdown/port.ts";
import { type Command, type CommandName, commandFrame, subjectOf } from "../protocol/clientFrames.ts";
import { decodePage } from "../protocol/decodeEntity.ts";
import type { AckFrame, Frame, Limits, NackFrame, TimelinePage } from "../protocol/frames.ts";
import { newCommandId } from "./commandId.ts";
import { Conversation, type ConversationHost } from "./conversation.ts";
import { Drafts } from "./drafts.ts";
import type { Keep } from "./keep.ts";
import { MarkdownLoader } from "./MarkdownLoader.ts";
import { Outbox, type PendingCommand } from "./outbox.ts";
import { PageTools } from "./tools/PageTools.ts";
import type { ToolRegistry } from "./tools/ToolRegistry.ts";

/** A conversation without views is kept this long: hosts take a view away and put it back. */
const LINGER_MS = 5_000;
const PAGE_SIZE = 100;

export interface ClientPorts extends ConnectionPorts {
  readonly getJson: (path: string) => Promise<unknown>;
  readonly getBlob: (path: string) => Promise<Blob>;
  /** Brings the module that reads Markdown; it is not known yet that it is one. */
  readonly loadMarkdown: () => Promise<unknown>;
  /** Calls `wake` and `doubt` as the browser sees the network; returns the way to stop. */
  readonly watchNetwork: (listener: { wake(): void; doubt(): void }) => () => void;
  readonly keep: Keep;
  /** The tools that the page brings along. */
  readonly tools: ToolRegistry;
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
  private readonly markdownLoader: MarkdownLoader;
  private readonly tools: PageTools;
  private readonly opened = new Map<string, Open>();
  /** Which kernels work for which conversations. */
  private readonly bindings = new Map<string, Command>();
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
    this.tools = new PageTools(ports.tools, this);
    this.markdownLoader = new MarkdownLoader(ports.loadMarkdown, () => this.onStatus());
    for (const { command } of this.outbox.stale) this.giveBack(command);
  }

  get link(): LinkStatus {
    return this.connection.status;
  }

  get limits(): Limits {
    return this.connection.limits;
  }

  get markdown(): MarkdownState {
    return this.markdownLoader.state;
  }

  /** How far the server's clock is ahead of ours, in milliseconds. */
  get aheadMs(): number {
    return this.connection.aheadMs;
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
    void this.markdownLoader.ask();
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

  /** A notebook's kernel has tools for the conversation (TL6); told again on each connection, before any prompt. */
  bindKernel(convId: string, kernelId: string): void {
    const command: Command = { id: newCommandId(), name: "kernel.bind", convId, data: { kernel_id: kernelId } };
    this.bindings.set(`${convId} ${kernelId}`, command);
    if (this.isReady()) this.send(commandFrame(command));
  }

  pendingOf(convId: string): readonly PendingCommand[] {
    return this.outbox.entries.filter((each) => each.command.convId === convId);
  }

  async fetchOlder(convId: string, before: number): Promise<TimelinePage> {
    const query = new URLSearchParams({ conv_id: convId, before: String(before), limit: String(PAGE_SIZE) });
    return decodePage(await this.ports.getJson(`v1/timeline?${query}`));
  }

  /** The bytes of an attachment; rejects when it is not there any more. */
  fetchAttachment(convId: string, attachmentId: string): Promise<Blob> {
    const [session, name] = [convId, attachmentId].map(encodeURIComponent);
    return this.ports.getBlob(`v1/sessions/${session}/attachments/${name}`);
  }

  onReady(): void {
    void this.markdownLoader.ask();
    for (const { conversation } of this.opened.values()) conversation.follow();
    for (const command of this.bindings.values()) this.send(commandFrame(command));
    for (const { command } of this.outbox.entries) this.send(commandFrame(command));
    this.tools.resume();
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
    this.tools.follow(conversation);
    conversation.follow();
    return open;
  }

  private end(open: Open): void {
    this.tools.unfollow(open.conversation);
    open.conversation.unfollow();
    this.opened.delete(open.conversation.convId);
    if (this.opened.size > 0) return;
    this.connection.stop();
    this.stopWatching?.();
    this.stopWatching = null;
  }

  private answered(frame: AckFrame | NackFrame): void {
    const command = this.outbox.settle(frame.id);
    if (!command) {
      this.tools.answered(frame);
      return;
    }
    const conversation = this.opened.get(command.convId)?.conversation;
    if (frame.type === "ws.ack") conversation?.deliver(subjectOf(command), "taken");
    else {
      this.giveBack(command);
      this.refused(command, frame.code, frame.message);
    }
    conversation?.notify();
  }

  private refused(command: Command, code: string, message: string): void {
    if (this.tools.refused(command, message)) return;
    const conversation = this.opened.get(command.convId)?.conversation;
    const subject = subjectOf(command);
    conversation?.stopping.delete(String(command.data.run_id ?? ""));
    // Told where it was decided, not above everything.
    if (subject !== null) conversation?.deliver(subject, { code, message });
    else conversation?.tellProblem({ code, message, isFinal: false });
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
