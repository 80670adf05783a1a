import { strings } from "../../strings/strings.ts";
import type { ChatModel } from "../ChatModel.ts";

/** Prompts that the server has not taken yet. Not on the timeline: only the server says what is on it. */
export function PendingPrompts({ model }: { readonly model: ChatModel }) {
  const prompts = model.pending.value.filter((each) => typeof each.command.data.prompt === "string");
  if (prompts.length === 0) return null;
  return (
    <ul class="wcn-pending" data-webchat="pending">
      {prompts.map(({ command }) => (
        <li key={command.id}>
          <span class="wcn-pending-text">{String(command.data.prompt ?? "")}</span>
          <span class="wcn-dim">{model.isLive.value ? strings.sending : strings.willSend}</span>
        </li>
      ))}
    </ul>
  );
}
