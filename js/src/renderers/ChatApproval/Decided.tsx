import type { ChatApprovalPayload } from "../../protocol/payloads.ts";
import { strings } from "../../strings/strings.ts";
import { JsonFold } from "../ChatToolCall/JsonFold.tsx";
import { type Field, fieldsOf } from "../form/fields.ts";

interface DecidedProps {
  readonly approval: ChatApprovalPayload;
  readonly schema: string;
}

/** What became of a question, in a quiet line; what was answered, if it was. */
export function Decided({ approval, schema }: DecidedProps) {
  const { question, status = "", input = "", decidedBy, reason } = approval;
  const words = (question ? strings.questionEnds : strings.approvalEnds).get(status) ?? status;
  const why = reason ? ` · ${reason}` : status === "expired" ? ` ${strings.inTime}` : "";
  const isAnswered = question && (status === "approved" || status === "edited");
  return (
    <>
      <div class="wcn-ask-row wcn-decided">
        <span class="wcn-ask-icon" aria-hidden="true" />
        <span class="wcn-dim">
          {words}
          {decidedBy && ` ${strings.decidedBy(decidedBy)}`}
          {why}
        </span>
      </div>
      {isAnswered && <Answer schema={schema} input={input} />}
    </>
  );
}

function Answer({ schema, input }: { readonly schema: string; readonly input: string }) {
  const fields = fieldsOf(schema, input);
  if (!fields) return <JsonFold title={strings.answer} text={input} />;
  const given = fields.filter((field) => field.initial !== undefined && field.initial !== null);
  return (
    <dl class="wcn-answer">
      {given.map((field) => (
        <div key={field.name}>
          <dt class="wcn-dim">{field.title}</dt>
          <dd>{wordsOf(field)}</dd>
        </div>
      ))}
    </dl>
  );
}

function wordsOf({ kind, options, initial }: Field): string {
  if (kind === "boolean") return initial ? strings.yes : strings.no;
  const titleOf = (value: unknown) => options.find((option) => option.value === value)?.title ?? String(value);
  return Array.isArray(initial) ? initial.map(titleOf).join(", ") : titleOf(initial);
}
