import type { ReadonlySignal } from "@preact/signals";
import { createContext } from "preact";
import type { MarkdownState } from "../../markdown/port.ts";
import type { Decision, Delivery } from "../../protocol/clientFrames.ts";
import type { Entity } from "../../protocol/frames.ts";
import type { EntityKey } from "../../protocol/ids.ts";
import type { Fork } from "../../store/branches.ts";

/** What a card may know and do beside its own entity. */
export interface CardHost {
  /** Another entity, as it is now and as it changes; undefined while there is none. */
  entity(key: EntityKey): ReadonlySignal<Entity | undefined>;
  /** Whether what is shown is up to date and moving. */
  readonly isLive: ReadonlySignal<boolean>;
  /** What reads Markdown, once it is here. */
  readonly markdown: ReadonlySignal<MarkdownState>;
  /** What the user asked in a run; null when it is not on this screen. */
  promptOf(runId: string): string | null;
  /** Where the conversation goes on in several ways at this card; undefined where it does not. */
  forkOf(key: EntityKey): ReadonlySignal<Fork | undefined>;
  /** Shows another side of a fork, on this screen only. */
  choose(at: string, option: string): void;
  submit(prompt: string): void;
  /** Puts a prompt into the composer, to be sent again in its place. */
  edit(prompt: Entity): void;
  /** Makes an answer again, beside this one. */
  regenerate(answer: Entity): void;
  judge(answerId: string, value: "up" | "down" | "none"): void;
  cancel(runId: string): void;
  /** The bytes of an attachment; rejects when they are not there. */
  attachment(attachmentId: string): Promise<Blob>;
  readonly asks: AskHost;
}

/** What a card needs that waits for a person. */
export interface AskHost {
  /** The approvals and questions that belong into a call's card; undefined: none. */
  of(callKey: EntityKey): ReadonlySignal<readonly EntityKey[] | undefined>;
  decide(approvalId: string, decision: Decision): void;
  /** Gives a call's result in place of a tool. */
  answer(callId: string, result: unknown, isError: boolean): void;
  /** How this page's last word about an approval or a call is doing; undefined: it said none. */
  delivery(subject: string): ReadonlySignal<Delivery | undefined>;
  /** Says something to those who can't see it. Returns the way to take it back. */
  announce(words: string): () => void;
  /** Milliseconds until it is so late at the server. */
  msUntil(serverMs: number): number;
  /** Calls back once; the answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export const CardContext = createContext<CardHost | null>(null);
