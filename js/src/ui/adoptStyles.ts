const MARK = "data-webchat-styles";

/**
 * Inside a shadow root the document's style sheets do not reach, so ours is put there, once.
 * `css` is the style sheet or its address; in a plain document the host has it already.
 */
export function adoptStyles(element: HTMLElement, css: string | undefined): void {
  const root = element.getRootNode();
  if (!css || !(root instanceof ShadowRoot) || root.querySelector(`[${MARK}]`)) return;
  const isAddress = /^https?:/.test(css);
  const style = document.createElement(isAddress ? "link" : "style");
  style.setAttribute(MARK, "");
  if (style instanceof HTMLLinkElement) {
    style.rel = "stylesheet";
    style.href = css;
  } else style.textContent = css;
  root.prepend(style);
}
