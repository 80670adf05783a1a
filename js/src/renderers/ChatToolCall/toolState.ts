import type { ChatToolCallPayload, ChatToolResultPayload } from "../../protocol/payloads.ts";

/** What a reader wants to know of a tool call. */
export type ToolState = "preparing" | "running" | "done" | "failed" | "denied" | "stopped";

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

/** The state of a call, from the call and the result that belongs to it. */
export function toolState(call: ChatToolCallPayload, result: ChatToolResultPayload | undefined): ToolState {
  if (call.error) return BY_STATUS.get(call.status ?? "") === "denied" ? "denied" : "failed";
  const ofResult = BY_STATUS.get(result?.status ?? "");
  const ofCall = BY_STATUS.get(call.status ?? "");
  if (ofResult && ofResult !== "done") return ofResult;
  if (ofCall && ofCall !== "running" && ofCall !== "done") return ofCall;
  if (result || ofCall === "done") return "done";
  return call.executing || ofCall === "running" ? "running" : "preparing";
}
