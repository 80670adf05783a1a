import { createPresence } from "./presence.ts";

/** A view that is taken off the page and not put back in this time lets go of its conversation. */
const ABSENCE_MS = 10_000;

interface Follower {
  attach(): void;
  detach(): void;
}

/** Attaches `follower` while `root` is part of a document. Returns the way to end it for good. */
export function followPresence(root: HTMLElement, follower: Follower): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const presence = createPresence();
  presence.hidden = true;
  presence.onPresence = (isPresent) => {
    clearTimeout(timer);
    if (isPresent) follower.attach();
    else timer = setTimeout(() => follower.detach(), ABSENCE_MS);
  };
  root.append(presence);
  return () => {
    presence.onPresence = null;
    clearTimeout(timer);
    presence.remove();
    follower.detach();
  };
}
