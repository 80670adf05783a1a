import { strings } from "../../strings/strings.ts";

const SHOWN_MS = 1_500;

/** Copies the code beside the button and says so for a moment. */
export async function copyCode(button: HTMLButtonElement): Promise<void> {
  const code = button.parentElement?.querySelector("pre")?.textContent ?? "";
  if (!(await writeClipboard(code))) return;
  button.dataset.copied = "true";
  button.setAttribute("aria-label", strings.copied);
  setTimeout(() => {
    delete button.dataset.copied;
    button.setAttribute("aria-label", strings.copyCode);
  }, SHOWN_MS);
}

/** `navigator.clipboard` exists in secure contexts only; elsewhere the old way still works. */
async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.cssText = "position:fixed;opacity:0";
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}
