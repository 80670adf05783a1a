import type { ReadonlySignal } from "@preact/signals";
import { createContext } from "preact";
import type { Entity } from "../../protocol/frames.ts";
import type { EntityKey } from "../../protocol/ids.ts";

/** What a card may know and do beside its own entity. */
export interface CardHost {
  /** Another entity, as it is now and as it changes; undefined while there is none. */
  entity(key: EntityKey): ReadonlySignal<Entity | undefined>;
  /** Whether what is shown is up to date and moving. */
  readonly isLive: ReadonlySignal<boolean>;
  /** What the user asked in a run; null when it is not on this screen. */
  promptOf(runId: string): string | null;
  submit(prompt: string): void;
  cancel(runId: string): void;
}

export const CardContext = createContext<CardHost | null>(null);
