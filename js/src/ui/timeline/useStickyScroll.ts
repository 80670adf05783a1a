import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";

/** Nearer to the end than this counts as being at the end. */
const SLACK_PX = 48;

/** Keeps a scroller at its end while its content grows, but only if the user is there. */
export function useStickyScroll() {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isAtEnd = useSignal(true);
  const lastTop = useRef(0);

  const toEnd = () => {
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
    isAtEnd.value = true;
  };

  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const isNearEnd = element.scrollHeight - element.scrollTop - element.clientHeight < SLACK_PX;
    // Content that grew moves the end away; only a user moves up.
    if (isNearEnd) isAtEnd.value = true;
    else if (element.scrollTop < lastTop.current) isAtEnd.value = false;
    lastTop.current = element.scrollTop;
  };

  useLayoutEffect(() => {
    if (!content.current || !scroller.current || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => {
      if (isAtEnd.value) toEnd();
    });
    observer.observe(content.current);
    observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);

  return useMemo(() => ({ scroller, content, isAtEnd, toEnd, onScroll }), []);
}
