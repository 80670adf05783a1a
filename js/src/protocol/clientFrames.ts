import type { Cursor } from "./ids.ts";

export type CommandName = "chat.submit" | "chat.cancel" | "chat.feedback";

/** A request that may be refused. Its id is its idempotency key: sending it twice does it once. */
export interface Command {
  readonly id: string;
  readonly name: CommandName;
  readonly convId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Ask for a conversation; with a cursor the server may resume instead of sending a snapshot. */
export function subscribeFrame(convId: string, since: Cursor | null): string {
  const cursor = since && { since: { epoch: since.epoch, seq: String(since.seq) } };
  return JSON.stringify({ type: "subscribe", conv_id: convId, ...cursor });
}

export function unsubscribeFrame(convId: string): string {
  return JSON.stringify({ type: "unsubscribe", conv_id: convId });
}

export function pingFrame(): string {
  return JSON.stringify({ type: "ws.ping" });
}

export function commandFrame(command: Command): string {
  const { id, name, convId, data } = command;
  return JSON.stringify({ type: "command", id, name, conv_id: convId, data });
}
