import { useContext, useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ChatToolCallPayload } from "../../protocol/payloads.ts";
import { strings } from "../../strings/strings.ts";
import { QuestionForm } from "../ChatApproval/QuestionForm.tsx";
import { Refused, Sending, useDelivery } from "../ChatApproval/Sent.tsx";
import { CardContext } from "../card/context.ts";

interface AnswerInPlaceProps {
  readonly callId: string;
  readonly call: ChatToolCallPayload;
}

/** A call that a person answers in place of a tool. */
export function AnswerInPlace({ callId, call }: AnswerInPlaceProps) {
  const asks = useContext(CardContext)?.asks;
  const { isBusy } = useDelivery(callId);
  const label = strings.answerFor(call.toolName ?? "");
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => asks?.announce(label), [asks, label]);
  useLayoutEffect(() => keepFocus(root.current), []);
  return (
    <div class="wcn-ask" data-status="pending" ref={root}>
      <QuestionForm
        subject={callId}
        schema={call.answerSchema ?? ""}
        label={label}
        onSend={(json) => asks?.answer(callId, JSON.parse(json), false)}
        onDecline={() => asks?.answer(callId, strings.declined, true)}
      >
        {isBusy && <Sending />}
      </QuestionForm>
      <Refused subject={callId} />
    </div>
  );
}

/** When the form goes, the focus goes to the head of its call. Returns what does that. */
function keepFocus(form: HTMLElement | null): () => void {
  const head = form?.closest(".wcn-tool")?.querySelector<HTMLElement>(".wcn-tool-head");
  return () => {
    if (form?.matches(":focus-within")) head?.focus({ preventScroll: true });
  };
}
