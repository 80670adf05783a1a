import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { strings } from "../../strings/strings.ts";
import { Form } from "../form/Form.tsx";
import { fieldsOf } from "../form/fields.ts";
import { AskButton } from "./AskButton.tsx";
import { useDelivery } from "./Sent.tsx";

interface PermissionProps {
  readonly approvalId: string;
  /** The JSON text of the arguments. */
  readonly input: string;
  readonly schema: string;
  readonly decide: (decision: "approve" | "deny", more?: { readonly input?: string; readonly reason?: string }) => void;
  /** What stands at the end of the buttons. */
  readonly children: ComponentChildren;
}

/** Asks whether a call may be made. The arguments can be changed first, and a denial can have a reason. */
export function Permission({ approvalId, input, schema, decide, children }: PermissionProps) {
  const [mode, setMode] = useState<"plain" | "change" | "reason">("plain");
  const { isBusy } = useDelivery(approvalId);
  // Without any argument there is nothing to change.
  const canChange = useMemo(() => fieldsOf(schema, input)?.length !== 0, [schema, input]);
  const root = useRef<HTMLDivElement>(null);
  const cameFrom = useRef(mode);
  useEffect(() => {
    // Back to the button that was pressed; a field that was asked for has the focus.
    const target = mode === "plain" ? `[data-webchat="${cameFrom.current}"]` : ".wcn-reason";
    if (mode !== cameFrom.current) root.current?.querySelector<HTMLElement>(target)?.focus();
    cameFrom.current = mode;
  }, [mode]);
  const back = () => setMode("plain");
  const deny = <AskButton name="deny" words={strings.deny} isBusy={isBusy} onClick={() => decide("deny")} />;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && mode !== "plain") back();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape is a way back beside the button
    <div ref={root} onKeyDown={onKeyDown}>
      {mode === "plain" && (
        <div class="wcn-ask-row">
          <span class="wcn-ask-title">{strings.mayCall}</span>
          <AskButton
            name="approve"
            words={strings.allow}
            look="main"
            isBusy={isBusy}
            onClick={() => decide("approve")}
          />
          {deny}
          {canChange && (
            <AskButton
              name="change"
              words={strings.changeArguments}
              look="link"
              isBusy={isBusy}
              onClick={() => setMode("change")}
            />
          )}
          <AskButton
            name="reason"
            words={strings.giveReason}
            look="link"
            isBusy={isBusy}
            onClick={() => setMode("reason")}
          />
          {children}
        </div>
      )}
      {mode === "change" && (
        <Form
          schema={schema}
          values={input}
          takesFocus
          label={strings.toolArguments}
          onSubmit={(json, isChanged) => decide("approve", isChanged ? { input: json } : {})}
        >
          <div class="wcn-ask-row">
            <AskButton name="approve" words={strings.allowChanged} look="main" isBusy={isBusy} />
            {deny}
            <AskButton name="back" words={strings.back} look="link" isBusy={isBusy} onClick={back} />
            {children}
          </div>
        </Form>
      )}
      {mode === "reason" && (
        <Reason isBusy={isBusy} onBack={back} onDeny={(reason) => decide("deny", reason ? { reason } : {})}>
          {children}
        </Reason>
      )}
    </div>
  );
}

interface ReasonProps {
  readonly isBusy: boolean;
  readonly onDeny: (reason: string) => void;
  readonly onBack: () => void;
  readonly children: ComponentChildren;
}

function Reason({ isBusy, onDeny, onBack, children }: ReasonProps) {
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    onDeny(field.current?.value.trim() ?? "");
  };
  return (
    <form class="wcn-ask-row" onSubmit={submit}>
      <input
        ref={field}
        class="wcn-reason"
        autoComplete="off"
        placeholder={strings.reason}
        aria-label={strings.reason}
      />
      <AskButton name="deny" words={strings.deny} isBusy={isBusy} />
      <AskButton name="back" words={strings.back} look="link" isBusy={isBusy} onClick={onBack} />
      {children}
    </form>
  );
}
