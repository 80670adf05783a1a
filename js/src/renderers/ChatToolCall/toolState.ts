import type { ChatApprovalPayload, ChatToolCallPayload, ChatToolResultPayload } from "../../protocol/payloads.ts";

/** What a reader wants to know of a tool call. */
export type ToolState = "preparing" | "asking" | "running" | "done" | "failed" | "denied" | "stopped";

const BY_STATUS: ReadonlyMap<string, ToolState> = new Map<string, ToolState>([
  ["failed", "failed"],
  ["error", "failed"],
  ["timeout", "failed"],
  ["timed_out", "failed"],
  ["denied", "denied"],
  ["stopped", "stopped"],
  ["interrupted", "stopped"],
  ["cancelled", "stopped"],
  ["done", "done"],
  ["finished", "done"],
  ["completed", "done"],
  ["ok", "done"],
  ["running", "running"],
  ["executing", "running"],
]);

/** Whether a person gives the result, on any page that shows the call. */
export function isAnsweredHere(call: ChatToolCallPayload): boolean {
  return call.place === "browser" && Boolean(call.answerSchema) && call.status === "executing";
}

/** The state of a call, from the call, the result that belongs to it, and what was asked about it. */
export function toolState(
  call: ChatToolCallPayload,
  result: ChatToolResultPayload | undefined,
  asks: readonly ChatApprovalPayload[] = [],
): ToolState {
  // Whoever was not allowed did not fail.
  if (asks.some((ask) => !ask.question && ask.status === "denied")) return "denied";
  if (asks.some((ask) => ask.status === "pending") || (isAnsweredHere(call) && !result)) return "asking";
  const ofResult = BY_STATUS.get(result?.status ?? "");
  const ofCall = BY_STATUS.get(call.status ?? "");
  if (call.error) return ofCall === "denied" || ofCall === "stopped" ? ofCall : "failed";
  if (ofResult && ofResult !== "done") return ofResult;
  if (ofCall && ofCall !== "running" && ofCall !== "done") return ofCall;
  if (result || ofCall === "done") return "done";
  return call.executing || ofCall === "running" ? "running" : "preparing";
}
