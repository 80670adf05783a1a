interface AskButtonProps {
  readonly name: "approve" | "deny" | "change" | "reason" | "back";
  readonly words: string;
  readonly look?: "main" | "plain" | "link";
  /** Keeps the focus, and does nothing. */
  readonly isBusy: boolean;
  /** Left out: it submits the form around it. */
  readonly onClick?: () => void;
}

const CLASSES = { main: "wcn-button wcn-main", plain: "wcn-button", link: "wcn-link" } as const;

/** A button of a question, with its handle (MG6). */
export function AskButton({ name, words, look = "plain", isBusy, onClick }: AskButtonProps) {
  const click = (event: MouseEvent) => {
    if (isBusy) event.preventDefault();
    else onClick?.();
  };
  return (
    <button
      type={onClick ? "button" : "submit"}
      class={CLASSES[look]}
      data-webchat={name}
      aria-disabled={isBusy}
      onClick={click}
    >
      {words}
    </button>
  );
}
