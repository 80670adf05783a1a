/** What a key in the composer means. */
export type ComposerAction = "send" | "leave" | "none";

type KeyPress = Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "altKey" | "metaKey" | "isComposing" | "keyCode">;

/** What browsers give as key code while an input method composes a character, some of them without `isComposing`. */
const COMPOSING_KEY_CODE = 229;

/** Enter sends, Shift+Enter (and Alt+Enter) makes a line, Escape leaves; never while an input method is composing. */
export function composerAction(press: KeyPress): ComposerAction {
  if (press.isComposing || press.keyCode === COMPOSING_KEY_CODE) return "none";
  if (press.key === "Escape") return "leave";
  return press.key === "Enter" && !press.shiftKey && !press.altKey ? "send" : "none";
}
