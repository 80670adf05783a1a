import { isCaughtUp } from "../store/state.ts";
import type { Client } from "./client.ts";
import type { Conversation } from "./conversation.ts";

/** What the root element says of itself in `data-state` (MG6). */
export type ScreenState = "connecting" | "live" | "reconnecting" | "offline" | "ended";

/** Tries before a server that never answered is called unreachable. */
const PATIENCE = 3;

/** Live means: connected and nothing missing. Everything else says which way it is not. */
export function screenState(client: Client, conversation: Conversation): ScreenState {
  const { phase, attempt, wasEverReady } = client.link;
  if (phase === "closed" || conversation.problem?.isFinal) return "ended";
  if (phase === "absent" || phase === "unauthorized") return "offline";
  if (phase === "ready" && isCaughtUp(conversation.state)) return "live";
  if (conversation.wasEverLive || (wasEverReady && phase !== "ready")) return "reconnecting";
  return attempt >= PATIENCE ? "offline" : "connecting";
}
