interface NetworkListener {
  /** The network came back, or the page is seen again. */
  wake(): void;
  doubt(): void;
}

/** Tells when the browser gains or loses the network or the page comes into view. Returns the way to stop. */
export function watchNetwork(page: Window, listener: NetworkListener): () => void {
  const onOnline = () => listener.wake();
  const onOffline = () => listener.doubt();
  const onVisibility = () => {
    if (page.document.visibilityState === "visible") listener.wake();
  };
  page.addEventListener("online", onOnline);
  page.addEventListener("offline", onOffline);
  page.document.addEventListener("visibilitychange", onVisibility);
  return () => {
    page.removeEventListener("online", onOnline);
    page.removeEventListener("offline", onOffline);
    page.document.removeEventListener("visibilitychange", onVisibility);
  };
}
