import { type Signal, useComputed } from "@preact/signals";
import { render } from "preact";
import type { Client } from "../client/client.ts";
import { isConversationId } from "../protocol/ids.ts";
import { strings } from "../strings/strings.ts";
import { ChatView } from "./ChatView.tsx";

/** What a host may change while the chat is shown. */
export interface ChatOptions {
  readonly conversation: Signal<string>;
  readonly profile: Signal<string>;
  readonly placeholder: Signal<string>;
  readonly height: Signal<number | null>;
  /** The style sheet or its address, if it may have to be put into a shadow root. */
  readonly css?: string | undefined;
}

/**
 * Shows a chat inside `element`. `client` is null when there is no server to talk to.
 *
 * Returns the way to take it away again; calling that twice is harmless.
 */
export function mountChat(element: HTMLElement, client: Client | null, options: ChatOptions): () => void {
  render(<Chat client={client} options={options} />, element);
  return () => render(null, element);
}

function Chat({ client, options }: { readonly client: Client | null; readonly options: ChatOptions }) {
  const convId = options.conversation.value;
  const isUsable = useComputed(() => isConversationId(options.conversation.value));
  if (!client || !isUsable.value) return <Unusable options={options} hasServer={client !== null} />;
  const { profile, placeholder, height } = options;
  return (
    <ChatView
      key={convId}
      client={client}
      convId={convId}
      profile={profile}
      placeholder={placeholder}
      height={height}
      css={options.css}
    />
  );
}

function Unusable({ options, hasServer }: { readonly options: ChatOptions; readonly hasServer: boolean }) {
  return (
    <section
      class="wcn-root wcn-unusable"
      data-webchat="root"
      data-state="offline"
      data-conversation={options.conversation.value}
    >
      <div class="wcn-notice" role="status">
        <span>
          <strong>{hasServer ? strings.noConversation : `${strings.noServerTitle}.`}</strong>{" "}
          {!hasServer && (
            <>
              {strings.noServer} {strings.absent} <code>{strings.absentCommand}</code>
            </>
          )}
        </span>
      </div>
    </section>
  );
}
