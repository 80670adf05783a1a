import type { ReadonlySignal } from "@preact/signals";
import { createContext } from "preact";
import type { Entity } from "../../protocol/frames.ts";
import type { EntityKey } from "../../protocol/ids.ts";
import type { Fork } from "../../store/branches.ts";

/** What a card may know and do beside its own entity. */
export interface CardHost {
  /** Another entity, as it is now and as it changes; undefined while there is none. */
  entity(key: EntityKey): ReadonlySignal<Entity | undefined>;
  /** Whether what is shown is up to date and moving. */
  readonly isLive: ReadonlySignal<boolean>;
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
}

export const CardContext = createContext<CardHost | null>(null);
