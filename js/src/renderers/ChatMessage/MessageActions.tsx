import { useContext } from "preact/hooks";
import type { Entity } from "../../protocol/frames.ts";
import { entityKey } from "../../protocol/ids.ts";
import type { ChatFeedbackPayload, ChatMessagePayload } from "../../protocol/payloads.ts";
import type { Fork } from "../../store/branches.ts";
import { strings } from "../../strings/strings.ts";
import { CardContext, type CardHost } from "../card/context.ts";

interface ActionsProps {
  readonly entity: Entity;
}

/** What can be done with a message: go to another branch, edit a prompt, make an answer again, judge it. */
export function MessageActions({ entity }: ActionsProps) {
  const host = useContext(CardContext);
  if (!host) return null;
  const { role, streaming } = entity.payload as ChatMessagePayload;
  const fork = host.forkOf(entityKey(entity.kind, entity.id)).value;
  return (
    <div class="wcn-actions" data-forked={fork ? "true" : undefined}>
      {fork && <ForkSwitch host={host} fork={fork} />}
      {role === "user" && <Action name="edit" label={strings.edit} onClick={() => host.edit(entity)} />}
      {role === "assistant" && !streaming && (
        <>
          <Action name="regenerate" label={strings.regenerate} onClick={() => host.regenerate(entity)} />
          <Thumbs host={host} messageId={entity.id} />
        </>
      )}
    </div>
  );
}

function ForkSwitch({ host, fork }: { readonly host: CardHost; readonly fork: Fork }) {
  const { index, options } = fork;
  const step = (by: number) => {
    const option = options[index + by];
    if (option !== undefined) host.choose(fork.at, option);
  };
  return (
    <span class="wcn-fork" data-webchat="fork">
      <button type="button" aria-label={strings.previousVersion} disabled={index === 0} onClick={() => step(-1)}>
        ‹
      </button>
      <span aria-live="polite">{`${index + 1}/${options.length}`}</span>
      <button
        type="button"
        aria-label={strings.nextVersion}
        disabled={index === options.length - 1}
        onClick={() => step(1)}
      >
        ›
      </button>
    </span>
  );
}

function Thumbs({ host, messageId }: { readonly host: CardHost; readonly messageId: string }) {
  const given = host.entity(entityKey("ChatFeedback", messageId)).value?.payload as ChatFeedbackPayload | undefined;
  const thumb = (value: "up" | "down", label: string) => (
    <Action
      name={value}
      label={label}
      isPressed={given?.value === value}
      onClick={() => host.judge(messageId, given?.value === value ? "none" : value)}
    />
  );
  return (
    <>
      {thumb("up", strings.thumbUp)}
      {thumb("down", strings.thumbDown)}
    </>
  );
}

interface ActionProps {
  readonly name: string;
  readonly label: string;
  readonly isPressed?: boolean;
  readonly onClick: () => void;
}

function Action({ name, label, isPressed, onClick }: ActionProps) {
  return (
    <button
      type="button"
      class="wcn-action"
      data-webchat={name}
      aria-label={label}
      aria-pressed={isPressed}
      title={label}
      onClick={onClick}
    />
  );
}
