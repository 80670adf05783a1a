/** A hidden page draws no frames; it is still kept up to date, at leisure. */
const HIDDEN_DELAY_MS = 250;

/** Joins many calls into one per drawn frame. */
export class FrameScheduler {
  private cancel: (() => void) | null = null;

  constructor(private readonly run: () => void) {}

  request(): void {
    if (this.cancel) return;
    const fire = () => {
      this.cancel = null;
      this.run();
    };
    if (document.visibilityState === "hidden") {
      const timer = setTimeout(fire, HIDDEN_DELAY_MS);
      this.cancel = () => clearTimeout(timer);
    } else {
      const frame = requestAnimationFrame(fire);
      this.cancel = () => cancelAnimationFrame(frame);
    }
  }

  stop(): void {
    this.cancel?.();
    this.cancel = null;
  }
}
