import { backoffMs } from "../connection/backoff.ts";
import type { Clock } from "../connection/ports.ts";
import {
  type CommandName,
  type Decision,
  type Delivery,
  subjectOf,
  subscribeFrame,
  unsubscribeFrame,
} from "../protocol/clientFrames.ts";
import type { ErrorFrame, Frame, TimelinePage, UiEvent } from "../protocol/frames.ts";
import { type MergeInput, merge } from "../store/merge.ts";
import { type ConversationState, cursorOf, emptyConversation, isCaughtUp } from "../store/state.ts";
import type { PendingCommand } from "./outbox.ts";

/** Something the user should read. `isFinal`: the conversation cannot be followed any more. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly isFinal: boolean;
}

/** What a conversation needs from the client that it belongs to. */
export interface ConversationHost {
  readonly clock: Clock;
  readonly random: () => number;
  isReady(): boolean;
  send(text: string): void;
  command(name: CommandName, convId: string, data: Readonly<Record<string, unknown>>): void;
  pendingOf(convId: string): readonly PendingCommand[];
  fetchOlder(convId: string, before: number): Promise<TimelinePage>;
}

/**
 * One open conversation, shared by all its views: the fold of its frames and the wish to keep it up to date.
 * Framework-free on purpose: views of other copies of this bundle listen to it too.
 */
export class Conversation {
  state: ConversationState;
  problem: Problem | null = null;
  /** Whether it was up to date at least once since it was opened. */
  wasEverLive = false;
  isLoadingOlder = false;
  /** Runs that were asked to stop. */
  readonly stopping = new Set<string>();
  /** How the last word about an approval or a call is doing, by its id. */
  readonly deliveries = new Map<string, Delivery>();

  private readonly listeners = new Set<() => void>();
  private readonly eventListeners = new Set<(event: UiEvent) => void>();
  /** Times it had to ask again since a live frame was applied: a server that keeps confusing us is not hammered. */
  private resyncs = 0;
  private cancelResync: () => void = () => {};

  constructor(
    readonly convId: string,
    private readonly host: ConversationHost,
  ) {
    this.state = emptyConversation(convId);
    for (const { command } of this.pending()) this.deliver(subjectOf(command), "sending");
  }

  /** Calls back after every change. Returns the way to stop. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls back with every UI event that is new, also those that move nothing (FR3). */
  onUiEvent(listener: (event: UiEvent) => void): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  /** A socket is there: ask for the conversation from where we are. */
  follow(): void {
    this.cancelResync();
    if (this.host.isReady()) this.host.send(subscribeFrame(this.convId, cursorOf(this.state)));
  }

  unfollow(): void {
    this.cancelResync();
    if (this.host.isReady()) this.host.send(unsubscribeFrame(this.convId));
    this.apply({ type: "local.lost" });
  }

  lost(): void {
    this.cancelResync();
    this.apply({ type: "local.lost" });
  }

  handle(frame: Frame): void {
    if (frame.type === "ws.error") {
      this.refuse(frame);
      return;
    }
    const before = this.state;
    this.apply(frame);
    if (this.state.sync.phase === "gap" && before.sync.phase !== "gap") this.resync();
    if (frame.type === "ws.subscribed") this.tellProblem(null);
    if (frame.type === "event") this.tellEvent(frame, before);
  }

  /** Sends a prompt; without `parent` it follows the turn that was begun last. */
  submit(prompt: string, profile: string, parent: string | null = null): void {
    this.command("chat.submit", { prompt, ...(parent !== null && { parent }), ...(profile && { profile }) });
  }

  /** Makes an answer again, beside the one that is there. */
  regenerate(answerId: string, profile: string): void {
    this.command("chat.submit", { regenerate: answerId, ...(profile && { profile }) });
  }

  /** Says what the user thinks of an answer. */
  judge(answerId: string, value: "up" | "down" | "none"): void {
    this.command("chat.feedback", { message_id: answerId, value });
  }

  /** Decides whether a call may be made, or answers a question; nothing while that is under way. */
  decide(approvalId: string, decision: Decision): void {
    this.say(approvalId, "tool.decide", { approval_id: approvalId, ...decision });
  }

  /** Gives a call's result in place of a tool; nothing while that is under way. */
  answer(callId: string, result: unknown, isError: boolean): void {
    this.say(callId, "tool.result", { tool_call_id: callId, result, ...(isError && { is_error: true }) });
  }

  private say(subject: string, name: CommandName, data: Readonly<Record<string, unknown>>): void {
    if (typeof this.deliveries.get(subject) === "string") return;
    this.deliver(subject, "sending");
    this.command(name, data);
  }

  /** Keeps how a word about an approval or a call is doing. */
  deliver(subject: string | null, delivery: Delivery): void {
    if (subject !== null) this.deliveries.set(subject, delivery);
  }

  private command(name: CommandName, data: Readonly<Record<string, unknown>>): void {
    this.problem = null;
    this.host.command(name, this.convId, name === "chat.submit" ? { ...data, on_busy: "queue" } : data);
    this.notify();
  }

  /** Stops a run; without an id, the one that is running. */
  cancel(runId: string | null): void {
    if (runId) this.stopping.add(runId);
    this.host.command("chat.cancel", this.convId, runId ? { run_id: runId } : {});
    this.notify();
  }

  pending(): readonly PendingCommand[] {
    return this.host.pendingOf(this.convId);
  }

  tellProblem(problem: Problem | null): void {
    if (this.problem === problem) return;
    this.problem = problem;
    this.notify();
  }

  async loadOlder(): Promise<void> {
    if (this.isLoadingOlder || !this.state.hasMore || !isCaughtUp(this.state)) return;
    this.isLoadingOlder = true;
    this.apply({ type: "page.asked" });
    try {
      const page = await this.host.fetchOlder(this.convId, this.state.oldest);
      this.isLoadingOlder = false;
      this.apply({ type: "page.came", page });
    } catch {
      this.isLoadingOlder = false;
      this.apply({ type: "page.failed" });
    }
  }

  notify(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private apply(input: MergeInput): void {
    const next = merge(this.state, input);
    if (next === this.state) return;
    this.state = next;
    this.wasEverLive ||= isCaughtUp(next);
    this.notify();
  }

  private tellEvent(event: UiEvent, before: ConversationState): void {
    const isApplied = this.state.seq === event.seq && before.seq !== event.seq;
    if (isApplied) this.resyncs = 0;
    const isSecondOfOrdinal = event.prev === event.seq && event.seq === before.seq;
    if (!isApplied && !isSecondOfOrdinal) return;
    for (const listener of [...this.eventListeners]) listener(event);
  }

  private resync(): void {
    const delayMs = this.resyncs === 0 ? 0 : backoffMs(this.resyncs, this.host.random);
    this.resyncs += 1;
    if (delayMs === 0) this.follow();
    else this.cancelResync = this.host.clock.after(delayMs, () => this.follow());
  }

  private refuse(frame: ErrorFrame): void {
    const isSubscribing = this.state.sync.phase === "cold" || this.state.sync.phase === "gap";
    const isFinal = isSubscribing && !frame.retryable;
    this.tellProblem({ code: frame.code, message: frame.message, isFinal });
    if (!isSubscribing || isFinal) return;
    this.resyncs += 1;
    this.cancelResync = this.host.clock.after(backoffMs(this.resyncs, this.host.random), () => this.follow());
  }
}
