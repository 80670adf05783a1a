import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";

/** Nearer to the end than this counts as being at the end. */
const SLACK_PX = 48;

/** Where the end is in view, or the beginning of a question that is taller than the view. */
function endOf(scroller: HTMLElement, content: HTMLElement | null): number {
  // In the last group alone: this is asked for with every word that comes.
  const asks = content?.lastElementChild?.querySelectorAll('.wcn-ask[data-status="pending"]') ?? [];
  const card = [...asks].at(-1)?.closest(".wcn-group > *")?.getBoundingClientRect();
  if (!card || card.height <= scroller.clientHeight) return scroller.scrollHeight;
  return scroller.scrollTop + card.top - scroller.getBoundingClientRect().top;
}

/** Keeps a scroller at its end while its content grows, but only if the user is there. */
export function useStickyScroll() {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isAtEnd = useSignal(true);
  const lastTop = useRef(0);
  const lastHeight = useRef(0);

  // Unlike scrollHeight not rounded: the last step of an animation is less than a pixel.
  const heightOf = () => content.current?.getBoundingClientRect().height ?? 0;

  const remember = ({ scrollTop }: HTMLElement) => {
    lastTop.current = scrollTop;
    lastHeight.current = heightOf();
  };

  const keepEnd = () => {
    const element = scroller.current;
    if (!element) return;
    element.scrollTop = Math.max(element.scrollTop, endOf(element, content.current));
    remember(element);
  };

  const toEnd = () => {
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
    isAtEnd.value = true;
  };

  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const isNearEnd = element.scrollHeight - element.scrollTop - element.clientHeight < SLACK_PX;
    // Content that grew moves the end away, content that shrank moves us up; else only a user moves up.
    const hasShrunk = heightOf() < lastHeight.current;
    if (isNearEnd) isAtEnd.value = true;
    else if (element.scrollTop < lastTop.current && !hasShrunk) isAtEnd.value = false;
    remember(element);
  };

  useLayoutEffect(() => {
    if (!content.current || !scroller.current || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => {
      if (isAtEnd.value) keepEnd();
    });
    observer.observe(content.current);
    observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);

  return useMemo(() => ({ scroller, content, isAtEnd, toEnd, onScroll }), []);
}
