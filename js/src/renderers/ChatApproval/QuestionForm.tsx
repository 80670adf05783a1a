import type { ComponentChildren } from "preact";
import { strings } from "../../strings/strings.ts";
import { Form } from "../form/Form.tsx";
import { AskButton } from "./AskButton.tsx";
import { useDelivery } from "./Sent.tsx";

interface QuestionFormProps {
  /** The approval or the call that is answered. */
  readonly subject: string;
  readonly schema: string;
  readonly label: string;
  readonly onSend: (json: string) => void;
  readonly onDecline: () => void;
  /** What stands at the end of the buttons. */
  readonly children?: ComponentChildren;
}

/** A form for something that only a person knows. */
export function QuestionForm({ subject, schema, label, onSend, onDecline, children }: QuestionFormProps) {
  const { isBusy } = useDelivery(subject);
  return (
    <Form schema={schema} label={label} onSubmit={onSend}>
      <div class="wcn-ask-row">
        <AskButton name="approve" words={strings.sendAnswer} look="main" isBusy={isBusy} />
        <AskButton name="deny" words={strings.decline} isBusy={isBusy} onClick={onDecline} />
        {children}
      </div>
    </Form>
  );
}
