import { useLayoutEffect, useRef } from "preact/hooks";
import { strings } from "../../strings/strings.ts";
import type { ChatModel } from "../ChatModel.ts";
import type { Group } from "./groups.ts";
import { OlderMessages } from "./OlderMessages.tsx";
import { TimelineGroup } from "./TimelineGroup.tsx";
import { useStickyScroll } from "./useStickyScroll.ts";

/** So many groups at the end are always filled: a usual window in full. */
const EAGER_GROUPS = 4;
/** Up to here everything is filled: finding text on the page then finds all of it. */
const LAZY_ABOVE_GROUPS = 8;

/** The conversation, oldest first. Stays at its end if the user is there. */
export function Timeline({ model }: { readonly model: ChatModel }) {
  const { scroller, content, isAtEnd, toEnd, onScroll } = useStickyScroll();
  const groups = model.groups.value;
  useStablePlace(scroller, groups);
  const firstEager = groups.length > LAZY_ABOVE_GROUPS ? groups.length - EAGER_GROUPS : 0;
  const isEmpty = groups.length === 0;
  return (
    <div class="wcn-timeline-frame">
      <div
        class="wcn-timeline"
        data-webchat="timeline"
        role="log"
        aria-label={strings.timeline}
        aria-live="polite"
        // Told when an answer is complete, not word by word.
        aria-busy={model.isStreaming.value}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller must be reachable by keyboard
        tabIndex={0}
        ref={scroller}
        onScroll={onScroll}
      >
        <div class="wcn-timeline-content" ref={content}>
          <OlderMessages model={model} />
          {groups.map((group, index) => (
            <TimelineGroup key={group.id} group={group} isEager={index >= firstEager} />
          ))}
          {isEmpty && <p class="wcn-empty">{model.isHydrated.value ? strings.empty : strings.loading}</p>}
        </div>
      </div>
      {!isAtEnd.value && (
        <button type="button" class="wcn-jump" onClick={toEnd}>
          {strings.jumpToLatest}
        </button>
      )}
    </div>
  );
}

/** Older pages are put in above: what the user looks at stays where it is. */
function useStablePlace(scroller: { readonly current: HTMLDivElement | null }, groups: readonly Group[]): void {
  const before = useRef<{ first: string | undefined; fromEnd: number; top: number }>(null);
  const first = groups[0]?.keys[0];
  const element = scroller.current;
  // Measured while the old content is still there: render comes before the change.
  const place = element && { first, fromEnd: element.scrollHeight - element.scrollTop, top: element.scrollTop };
  useLayoutEffect(() => {
    const last = before.current;
    before.current = place;
    if (!element || !place || !last?.first || last.first === first) return;
    element.scrollTop = element.scrollHeight - place.fromEnd;
  }, [first]);
}
