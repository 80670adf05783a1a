interface NetworkListener {
  /** The network came back, or the page is seen again. */
  wake(): void;
  doubt(): void;
}

/** Tells when the browser gains or loses the network or the page, or a chat on it, comes into view. Returns the way to stop. */
export function watchNetwork(page: Window, listener: NetworkListener): () => void {
  const onOnline = () => listener.wake();
  const onOffline = () => listener.doubt();
  const onVisibility = () => {
    if (page.document.visibilityState === "visible") listener.wake();
  };
  // Who turns to a chat that waits for its next try does not want to wait for it.
  const onFocus = (event: FocusEvent) => {
    const [target] = event.composedPath();
    const waiting = '[data-webchat="root"][data-state="reconnecting"]';
    if (target instanceof Element && target.closest(waiting)) listener.wake();
  };
  page.addEventListener("online", onOnline);
  page.document.addEventListener("focusin", onFocus);
  page.addEventListener("offline", onOffline);
  page.document.addEventListener("visibilitychange", onVisibility);
  return () => {
    page.removeEventListener("online", onOnline);
    page.document.removeEventListener("focusin", onFocus);
    page.removeEventListener("offline", onOffline);
    page.document.removeEventListener("visibilitychange", onVisibility);
  };
}
