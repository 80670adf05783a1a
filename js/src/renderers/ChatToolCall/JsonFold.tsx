import { useRef } from "preact/hooks";
import { prettyJson } from "../form/json.ts";

interface JsonFoldProps {
  readonly title: string;
  readonly text: string;
  /** Unfolds it. What was unfolded once is not folded by itself: what stands below would jump. */
  readonly isOpen?: boolean;
}

/** Foldable text that is usually JSON: set out if it is, as it came if it is not (yet). */
export function JsonFold({ title, text, isOpen = false }: JsonFoldProps) {
  const wasOpen = useRef(false);
  wasOpen.current ||= isOpen;
  return (
    <details class="wcn-fold" open={wasOpen.current}>
      <summary>
        {title}{" "}
        <span class="wcn-peek" aria-hidden="true">
          {text.slice(0, 200)}
        </span>
      </summary>
      <pre data-webchat="content">{prettyJson(text)}</pre>
    </details>
  );
}
