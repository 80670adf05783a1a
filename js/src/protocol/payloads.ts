/**
 * Payloads of the entity kinds that ship, as protobuf JSON gives them: an unset field is left out. The types are
 * generated from the .proto files; nothing of the generator reaches the bundle.
 */

import type {
  ChatApprovalJson,
  ChatFeedbackJson,
  ChatMessageJson,
  ChatRunJson,
  ChatToolCallJson,
  ChatToolResultJson,
} from "../contracts/webchat_nb/contracts/v1/entities_pb.ts";

export type MessageRole = "user" | "assistant" | "thinking" | "warning" | "error";
export type RunStatus = "queued" | "running" | "finished" | "stopped" | "failed" | "interrupted";

export type ChatMessagePayload = Readonly<Omit<ChatMessageJson, "role">> & { readonly role?: MessageRole };
export type ChatRunPayload = Readonly<Omit<ChatRunJson, "status">> & { readonly status?: RunStatus };
export type ChatFeedbackPayload = Readonly<ChatFeedbackJson>;
export type ChatApprovalPayload = Readonly<ChatApprovalJson>;
export type ChatToolCallPayload = Readonly<ChatToolCallJson>;
export type ChatToolResultPayload = Readonly<ChatToolResultJson>;
