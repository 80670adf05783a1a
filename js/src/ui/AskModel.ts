import { type ReadonlySignal, signal } from "@preact/signals";
import type { Client } from "../client/client.ts";
import type { Conversation } from "../client/conversation.ts";
import type { Decision, Delivery } from "../protocol/clientFrames.ts";
import type { EntityKey } from "../protocol/ids.ts";
import type { AskHost } from "../renderers/card/context.ts";
import { SignalTable } from "./SignalTable.ts";

type Asks = readonly EntityKey[];

/** What waits for a person in one view of one conversation, and what becomes of the answers. */
export class AskModel implements AskHost {
  /** The newest thing said to those who can't see it. */
  readonly news = signal("");

  private conversation: Conversation | null = null;
  private readonly asks = new SignalTable<Asks>((before, now) => before?.join() === now?.join());
  private readonly deliveries = new SignalTable<Delivery>();

  constructor(private readonly client: Client) {}

  of(callKey: EntityKey): ReadonlySignal<Asks | undefined> {
    return this.asks.of(callKey);
  }

  delivery(subject: string): ReadonlySignal<Delivery | undefined> {
    return this.deliveries.of(subject);
  }

  decide(approvalId: string, decision: Decision): void {
    this.conversation?.decide(approvalId, decision);
  }

  answer(callId: string, result: unknown, isError: boolean): void {
    this.conversation?.answer(callId, result, isError);
  }

  announce(words: string): () => void {
    this.news.value = words;
    return () => {
      if (this.news.value === words) this.news.value = "";
    };
  }

  msUntil(serverMs: number): number {
    return serverMs - this.client.clock.now() - this.client.aheadMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.client.clock.after(delayMs, callback);
  }

  /** Shows what was asked about which call. */
  arrange(asks: ReadonlyMap<EntityKey, Asks>): void {
    this.asks.show(asks);
  }

  /** Shows how the answers are doing; a conversation that was let go of takes none. */
  follow(conversation: Conversation | null): void {
    this.conversation = conversation;
    if (conversation) this.deliveries.show(conversation.deliveries);
  }
}
