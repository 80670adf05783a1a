interface JsonFoldProps {
  readonly title: string;
  readonly text: string;
}

/** Foldable text that is usually JSON: set out if it is, as it came if it is not (yet). */
export function JsonFold({ title, text }: JsonFoldProps) {
  return (
    <details class="wcn-fold">
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

/** JSON with line breaks; anything else unchanged. */
export function prettyJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : JSON.stringify(value, null, 2);
  } catch {
    return text;
  }
}
