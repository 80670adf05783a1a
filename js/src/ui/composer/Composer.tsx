import type { ReadonlySignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { strings } from "../../strings/strings.ts";
import type { ChatModel } from "../ChatModel.ts";
import { composerAction } from "./keys.ts";
import { PendingPrompts } from "./PendingPrompts.tsx";
import { countChars, judgePrompt } from "./promptLimit.ts";

interface ComposerProps {
  readonly model: ChatModel;
  readonly placeholder: ReadonlySignal<string>;
}

/** Where prompts are written. Sending works at any time: during a run it queues, without a connection it waits. */
export function Composer({ model, placeholder }: ComposerProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const text = model.draft.value;
  const max = model.maxPromptChars.value;
  const verdict = judgePrompt(text, max);
  useLayoutEffect(() => fitHeight(area.current), [text]);
  useLayoutEffect(() => watchWidth(area.current), []);
  useLayoutEffect(() => {
    if (model.editing.value) area.current?.focus();
  }, [model.editing.value]);

  const send = () => {
    if (verdict === "ok") model.submitDraft();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const action = composerAction(event);
    if (action === "none") return;
    event.preventDefault();
    if (action === "send") send();
    else area.current?.blur();
  };
  return (
    <footer class="wcn-composer">
      <PendingPrompts model={model} />
      {model.editing.value && (
        <div class="wcn-editing" role="status">
          <span class="wcn-dim">{strings.editing}</span>
          <button type="button" class="wcn-link" data-webchat="cancel-edit" onClick={() => model.cancelEdit()}>
            {strings.cancelEdit}
          </button>
        </div>
      )}
      <div class="wcn-composer-row">
        <textarea
          ref={area}
          data-webchat="composer"
          aria-label={strings.composer}
          aria-invalid={verdict === "too_long"}
          placeholder={placeholder.value || strings.placeholder}
          rows={1}
          value={text}
          onInput={(event) => model.type(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {model.activeRun.value === null ? <span class="wcn-stop-place" /> : <StopButton model={model} />}
        <button
          type="button"
          class="wcn-send"
          data-webchat="send"
          aria-label={strings.send}
          title={strings.send}
          disabled={verdict !== "ok"}
          onClick={send}
        />
      </div>
      {verdict === "too_long" && max !== null && (
        <div class="wcn-error-text" role="alert">
          {strings.tooLong(countChars(text), max)}
        </div>
      )}
    </footer>
  );
}

function StopButton({ model }: { readonly model: ChatModel }) {
  const words = model.isStopping.value ? strings.stopping : strings.stop;
  return (
    <button
      type="button"
      class="wcn-stop"
      data-webchat="stop"
      aria-label={words}
      title={words}
      disabled={model.isStopping.value}
      onClick={() => model.stop()}
    />
  );
}

/** Fits again when the lines break elsewhere. Returns the way to stop. */
function watchWidth(area: HTMLTextAreaElement | null): (() => void) | undefined {
  if (!area || typeof ResizeObserver === "undefined") return undefined;
  let width = area.clientWidth;
  const observer = new ResizeObserver(() => {
    if (area.clientWidth === width) return;
    width = area.clientWidth;
    fitHeight(area);
  });
  observer.observe(area);
  return () => observer.disconnect();
}

/** As tall as its text; the style sheet says how tall at most. */
function fitHeight(area: HTMLTextAreaElement | null): void {
  if (!area) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}
