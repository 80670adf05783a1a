import type { ComponentType } from "preact";
import type { Entity } from "../protocol/frames.ts";
import { ChatApproval } from "./ChatApproval/ChatApproval.tsx";
import { ChatMessage } from "./ChatMessage/ChatMessage.tsx";
import { ChatRun } from "./ChatRun/ChatRun.tsx";
import { ChatToolCall } from "./ChatToolCall/ChatToolCall.tsx";
import { ChatToolResult } from "./ChatToolResult/ChatToolResult.tsx";
import { FallbackCard } from "./fallback/FallbackCard.tsx";

/** Shows one entity. Sees entities only, never frames (MG1). */
export type Renderer = ComponentType<{ readonly entity: Entity }>;

export type RendererRegistry = ReadonlyMap<string, Renderer>;

/** The kinds that ship. */
export const builtinRenderers: RendererRegistry = new Map<string, Renderer>([
  ["ChatMessage", ChatMessage],
  ["ChatToolCall", ChatToolCall],
  ["ChatToolResult", ChatToolResult],
  ["ChatApproval", ChatApproval],
  ["ChatRun", ChatRun],
]);

/** The renderer of a kind; an unknown kind gets the fallback card (MG3). */
export function rendererOf(registry: RendererRegistry, kind: string): Renderer {
  return registry.get(kind) ?? FallbackCard;
}
