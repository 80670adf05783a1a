const NAME = "webchat-nb-presence";

/** Tells its listener when it enters and leaves a document. Also works inside a shadow root. */
export interface PresenceElement extends HTMLElement {
  onPresence: ((isPresent: boolean) => void) | null;
}

/**
 * Makes the element by which a view learns whether it is on the page. Hosts take views away without a word (a redrawn
 * output is never told), and some put the same view back later.
 */
export function createPresence(): PresenceElement {
  if (!customElements.get(NAME)) customElements.define(NAME, Presence);
  return document.createElement(NAME) as PresenceElement;
}

class Presence extends HTMLElement implements PresenceElement {
  onPresence: ((isPresent: boolean) => void) | null = null;

  connectedCallback(): void {
    this.onPresence?.(true);
  }

  disconnectedCallback(): void {
    this.onPresence?.(false);
  }
}
