import { useLayoutEffect, useRef } from "preact/hooks";

const SHRINK_MS = 180;

/** When a question is decided its card shrinks: not at once, and with the focus kept in it. */
export function useCalm(root: { readonly current: HTMLElement | null }, isPending: boolean): void {
  const wasPending = useRef(isPending);
  const element = root.current;
  // Looked at while the form is still there: render comes before the change.
  const before = wasPending.current && !isPending && element ? look(element) : null;
  useLayoutEffect(() => {
    wasPending.current = isPending;
    if (!before || !element) return;
    if (before.hadFocus) element.focus({ preventScroll: true });
    if (globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches) return;
    const frame = (height: number) => ({ height: `${height}px`, overflow: "hidden" });
    element.animate?.([frame(before.height), frame(element.offsetHeight)], { duration: SHRINK_MS, easing: "ease-out" });
    // To be measured it was small for a moment, for which the browser may have scrolled.
    if (before.scroller) before.scroller.scrollTop = before.scrollTop;
  }, [isPending]);
}

function look(element: HTMLElement) {
  const scroller = element.closest("[data-webchat=timeline]");
  return {
    height: element.offsetHeight,
    hadFocus: element.matches(":focus-within"),
    scroller,
    scrollTop: scroller?.scrollTop ?? 0,
  };
}
