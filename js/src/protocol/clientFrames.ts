import type { Cursor } from "./ids.ts";

export type CommandName =
  | "chat.submit"
  | "chat.cancel"
  | "chat.feedback"
  | "kernel.bind"
  | "tool.decide"
  | "tool.manifest"
  | "tool.result";

/** A request that may be refused. Its id is its idempotency key: sending it twice does it once. */
export interface Command {
  readonly id: string;
  readonly name: CommandName;
  readonly convId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A person's word about a call. `input`: other arguments, or the answer to a question, as JSON text. */
export interface Decision {
  readonly decision: "approve" | "deny";
  readonly input?: string;
  readonly reason?: string;
}

/** How a command about a call is doing: on its way, taken, or refused. */
export type Delivery = "sending" | "taken" | { readonly code: string; readonly message: string };

/** The approval or the call that a command is about; null for what is about none. */
export function subjectOf({ data }: Command): string | null {
  const subject = data.approval_id ?? data.tool_call_id;
  return typeof subject === "string" ? subject : null;
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
