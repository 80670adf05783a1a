import type { ComponentChildren } from "preact";
import type { LinkStatus } from "../../connection/connection.ts";
import { strings } from "../../strings/strings.ts";
import type { ChatModel } from "../ChatModel.ts";

/** What keeps the chat from working and what to do about it; nothing while all is well. */
export function NoticeBar({ model }: { readonly model: ChatModel }) {
  const problem = model.problem.value;
  const reconnect = <Action words={strings.reconnect} onClick={() => model.reconnect()} />;
  if (problem) {
    const words = problem.message || (problem.code === "too_large" ? strings.tooLarge : strings.notAccepted);
    return (
      <Notice isAlert>
        <span>{words}</span>
        {problem.isFinal ? reconnect : <Action words={strings.dismiss} onClick={() => model.dismiss()} />}
      </Notice>
    );
  }
  const { phase, closeCode } = model.link.value;
  if (phase === "closed") {
    return (
      <Notice isAlert>
        <span>{strings.closed.get(closeCode ?? 0) ?? strings.closedOther}</span>
        {reconnect}
      </Notice>
    );
  }
  return model.screen.value === "offline" ? <Offline phase={phase} action={reconnect} /> : null;
}

function Offline({ phase, action }: { readonly phase: LinkStatus["phase"]; readonly action: ComponentChildren }) {
  if (phase === "absent") return <AbsentNotice action={action} />;
  const isLogin = phase === "unauthorized";
  return (
    <Notice>
      <span>
        <strong>{isLogin ? strings.unauthorizedTitle : strings.unreachableTitle}.</strong>{" "}
        {isLogin ? strings.unauthorized : strings.unreachable}
      </span>
      {action}
    </Notice>
  );
}

function AbsentNotice({ action }: { readonly action: ComponentChildren }) {
  return (
    <Notice>
      <span>
        <strong>{strings.absentTitle}.</strong> {strings.absent} <code>{strings.absentCommand}</code>
      </span>
      {action}
    </Notice>
  );
}

interface NoticeProps {
  readonly isAlert?: boolean;
  readonly children: ComponentChildren;
}

export function Notice({ isAlert = false, children }: NoticeProps) {
  return (
    <div class={isAlert ? "wcn-notice wcn-alert" : "wcn-notice"} role={isAlert ? "alert" : "status"}>
      {children}
    </div>
  );
}

function Action({ words, onClick }: { readonly words: string; readonly onClick: () => void }) {
  return (
    <button type="button" class="wcn-button" onClick={onClick}>
      {words}
    </button>
  );
}
