import type { ReadonlySignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Client } from "../client/client.ts";
import { CardContext } from "../renderers/card/context.ts";
import { strings } from "../strings/strings.ts";
import { adoptStyles } from "./adoptStyles.ts";
import { ChatModel } from "./ChatModel.ts";
import { Composer } from "./composer/Composer.tsx";
import { followPresence } from "./followPresence.ts";
import { KEY_GUARD } from "./keyGuard.ts";
import { NoticeBar } from "./status/NoticeBar.tsx";
import { StatusBar } from "./status/StatusBar.tsx";
import { Timeline } from "./timeline/Timeline.tsx";

interface ChatViewProps {
  readonly client: Client;
  readonly convId: string;
  readonly profile: ReadonlySignal<string>;
  readonly placeholder: ReadonlySignal<string>;
  /** The style sheet (or its address), for pages whose own style sheets do not reach here. */
  readonly css: string | undefined;
  /** Pixels, or null: as tall as there is room. */
  readonly height: ReadonlySignal<number | null>;
}

/** A conversation on the screen (MG6). Follows it as long as it is part of the page. */
export function ChatView({ client, convId, profile, placeholder, css, height }: ChatViewProps) {
  const model = useMemo(() => new ChatModel(client, convId, profile), [client, convId]);
  const root = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return;
    const attach = () => {
      adoptStyles(element, css);
      model.attach();
    };
    return followPresence(element, { attach, detach: () => model.detach() });
  }, [model]);
  return (
    <section
      class="wcn-root"
      data-webchat="root"
      data-state={model.screen.value}
      data-conversation={convId}
      aria-label={strings.chat}
      style={{ height: height.value === null ? "100%" : `${height.value}px` }}
      ref={root}
      {...KEY_GUARD}
    >
      <StatusBar model={model} />
      <NoticeBar model={model} />
      <CardContext.Provider value={model}>
        <Timeline model={model} />
      </CardContext.Provider>
      <Announcer model={model} />
      <Composer model={model} placeholder={placeholder} />
    </section>
  );
}

/** While an answer comes the timeline is busy and tells nothing: what waits for the user is told here. */
function Announcer({ model }: { readonly model: ChatModel }) {
  return (
    <p class="wcn-unseen" role="status">
      {model.asks.news.value}
    </p>
  );
}
