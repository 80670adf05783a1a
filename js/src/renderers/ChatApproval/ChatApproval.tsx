import { useContext, useEffect, useRef } from "preact/hooks";
import type { Decision } from "../../protocol/clientFrames.ts";
import type { Entity } from "../../protocol/frames.ts";
import type { ChatApprovalPayload } from "../../protocol/payloads.ts";
import { strings } from "../../strings/strings.ts";
import { JsonFold } from "../ChatToolCall/JsonFold.tsx";
import { Card } from "../card/Card.tsx";
import { CardContext } from "../card/context.ts";
import { Decided } from "./Decided.tsx";
import { Permission } from "./Permission.tsx";
import { QuestionForm } from "./QuestionForm.tsx";
import { Refused, Sending, useDelivery } from "./Sent.tsx";
import { TimeLeft } from "./TimeLeft.tsx";
import { useCalm } from "./useCalm.ts";

/** The form of a question that brings none. */
const ONE_ANSWER = JSON.stringify({
  type: "object",
  properties: { answer: { type: "string", title: strings.answer } },
  required: ["answer"],
});

interface ChatApprovalProps {
  readonly entity: Entity;
  /** Whether its call's card is around it, and shows the tool and the arguments. */
  readonly isInCall?: boolean;
}

/** A person is asked: whether a call may be made, or something that only they know. */
export function ChatApproval({ entity, isInCall = false }: ChatApprovalProps) {
  const approval = entity.payload as ChatApprovalPayload;
  const { question = "", status = "pending", toolName = "", input = "" } = approval;
  const schema = approval.schema || (question ? ONE_ANSWER : "");
  const root = useRef<HTMLDivElement>(null);
  const isPending = status === "pending";
  const label = question || strings.mayCallTool(toolName);
  useAnnouncement(label, isPending);
  useCalm(root, isPending);
  return (
    <Card entity={entity} handles={{ "data-status": status }} class="wcn-ask" label={label}>
      {question && <div class="wcn-verbatim wcn-question">{question}</div>}
      {!question && !isInCall && (
        <>
          <code class="wcn-tool-name">{toolName}</code>
          <JsonFold title={strings.toolArguments} text={input} isOpen={isPending} />
        </>
      )}
      <div class="wcn-ask-body" ref={root} tabIndex={-1}>
        {isPending ? <Open approval={approval} id={entity.id} schema={schema} label={label} /> : null}
        {!isPending && <Decided approval={approval} schema={schema} />}
      </div>
      <Refused subject={entity.id} />
    </Card>
  );
}

interface OpenProps {
  readonly approval: ChatApprovalPayload;
  readonly id: string;
  readonly schema: string;
  readonly label: string;
}

function Open({ approval, id, schema, label }: OpenProps) {
  const asks = useContext(CardContext)?.asks;
  const { isBusy } = useDelivery(id);
  const expiresAtMs = Number(approval.expiresAtMs ?? 0);
  const decide = (decision: Decision["decision"], more: Omit<Decision, "decision"> = {}) =>
    asks?.decide(id, { decision, ...more });
  const end = (
    <>
      {expiresAtMs > 0 && <TimeLeft expiresAtMs={expiresAtMs} />}
      {isBusy && <Sending />}
    </>
  );
  if (!approval.question) {
    return (
      <Permission approvalId={id} input={approval.input ?? ""} schema={schema} decide={decide}>
        {end}
      </Permission>
    );
  }
  return (
    <QuestionForm
      subject={id}
      schema={schema}
      label={label}
      onSend={(json) => decide("approve", { input: json })}
      onDecline={() => decide("deny")}
    >
      {end}
    </QuestionForm>
  );
}

function useAnnouncement(words: string, isPending: boolean): void {
  const asks = useContext(CardContext)?.asks;
  useEffect(() => (isPending ? asks?.announce(words) : undefined), [asks, isPending, words]);
}
