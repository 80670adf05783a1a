import type { ScreenState } from "../../client/screenState.ts";
import { strings } from "../../strings/strings.ts";
import type { ChatModel } from "../ChatModel.ts";

const WORDS: Readonly<Record<ScreenState, string>> = {
  connecting: strings.stateConnecting,
  live: strings.stateLive,
  reconnecting: strings.stateReconnecting,
  offline: strings.stateOffline,
  ended: strings.stateEnded,
};

/** Who answers, and whether what is shown is up to date. */
export function StatusBar({ model }: { readonly model: ChatModel }) {
  const profile = model.profile.value;
  const title = model.profileTitles.value.get(profile) ?? profile;
  return (
    <header class="wcn-status">
      <span class="wcn-title">{title || strings.chat}</span>
      <span class="wcn-state" role="status">
        <span class="wcn-dot" aria-hidden="true" />
        {WORDS[model.screen.value]}
      </span>
    </header>
  );
}
