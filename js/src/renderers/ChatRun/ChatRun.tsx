import { useContext } from "preact/hooks";
import type { Entity } from "../../protocol/frames.ts";
import type { ChatRunPayload } from "../../protocol/payloads.ts";
import { strings } from "../../strings/strings.ts";
import { Card } from "../card/Card.tsx";
import { CardContext } from "../card/context.ts";

/** The status line of a run: says what is going on or went wrong, and nothing when all went well. */
export function ChatRun({ entity }: { readonly entity: Entity }) {
  const run = entity.payload as ChatRunPayload;
  const host = useContext(CardContext);
  const isLive = host?.isLive.value ?? true;
  const status = run.status ?? "running";
  const isLost = status === "running" && !isLive;
  const handles = { "data-status": status, ...(isLost && { "data-lost": "true" }) };
  if (status === "finished") return <Card entity={entity} handles={handles} class="wcn-run wcn-silent" />;
  return (
    <Card entity={entity} handles={handles} class="wcn-run">
      <span class="wcn-run-line">
        <span class="wcn-run-icon" aria-hidden="true" />
        <span>{isLost ? strings.runConnectionLost : wordsOf(run)}</span>
      </span>
      {(status === "failed" || status === "interrupted") && <Retry run={run} entity={entity} />}
      {status === "queued" && (
        <button type="button" class="wcn-link" onClick={() => host?.cancel(entity.id)}>
          {strings.cancelQueued}
        </button>
      )}
      {run.error && <div class="wcn-error-text">{run.error}</div>}
    </Card>
  );
}

function Retry({ run, entity }: { readonly run: ChatRunPayload; readonly entity: Entity }) {
  const host = useContext(CardContext);
  // An interrupted run did nothing wrong: the server went away under it.
  const isRetryable = run.retryable === true || run.status === "interrupted";
  const prompt = isRetryable ? host?.promptOf(entity.id) : null;
  if (!host || !prompt) return null;
  return (
    <button type="button" class="wcn-button" data-webchat="retry" onClick={() => host.submit(prompt)}>
      {strings.retry}
    </button>
  );
}

function wordsOf(run: ChatRunPayload): string {
  switch (run.status) {
    case "queued":
      return run.queuePosition ? strings.runQueuedAt(run.queuePosition) : strings.runQueued;
    case "failed":
      return strings.runFailed;
    case "interrupted":
      return strings.runInterrupted;
    case "stopped":
      return strings.runStopped;
    default:
      return strings.runWorking;
  }
}
