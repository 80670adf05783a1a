import { useEffect, useRef } from "preact/hooks";
import { strings } from "../../strings/strings.ts";
import type { ChatModel } from "../ChatModel.ts";

/** At the top of the timeline while there is more: loads by itself when it comes into view, and by hand. */
export function OlderMessages({ model }: { readonly model: ChatModel }) {
  const button = useRef<HTMLButtonElement>(null);
  const isShown = model.hasMore.value;
  const isLoading = model.isLoadingOlder.value;
  useEffect(() => {
    if (!isShown || isLoading || !button.current || typeof IntersectionObserver === "undefined") return;
    const root = button.current.closest("[data-webchat=timeline]");
    const onNear = (entries: IntersectionObserverEntry[]) => {
      if (entries.some((entry) => entry.isIntersecting)) model.loadOlder();
    };
    const observer = new IntersectionObserver(onNear, { root, rootMargin: "200px 0px 0px 0px" });
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [isShown, isLoading]);
  if (!isShown) return null;
  return (
    <button
      type="button"
      class="wcn-link wcn-older"
      ref={button}
      disabled={isLoading}
      onClick={() => model.loadOlder()}
    >
      {isLoading ? strings.loadingOlder : strings.loadOlder}
    </button>
  );
}
