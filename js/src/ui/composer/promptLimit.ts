/** Characters as the server counts them: code points, not UTF-16 units. */
export function countChars(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Whether a prompt may be sent: not blank, not longer than the server takes (`max` null: it did not say). */
export function judgePrompt(text: string, max: number | null): "ok" | "blank" | "too_long" {
  if (text.trim() === "") return "blank";
  return max !== null && text.length > max && countChars(text) > max ? "too_long" : "ok";
}
