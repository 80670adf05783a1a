import type { Clock } from "./ports.ts";

/** How long an answer to a ping may take before the socket counts as dead. */
const PONG_TIMEOUT_MS = 10_000;
/** The same when there is reason to doubt: the network came back, the page was asleep. */
const PROBE_TIMEOUT_MS = 5_000;

interface HeartbeatOwner {
  ping(): void;
  /** No frame came in time: the socket is half open. */
  dead(): void;
}

/**
 * Finds sockets that look open and are not. When nothing came for `idleMs` it pings; when then nothing comes, dead.
 * Only silence after a ping counts, so timers that the browser delays in hidden tabs kill nothing.
 */
export class Heartbeat {
  private cancel: () => void = () => {};
  private isProbing = false;

  constructor(
    private readonly clock: Clock,
    private readonly owner: HeartbeatOwner,
    private readonly idleMs: number,
  ) {
    this.heard();
  }

  /** A frame came, whichever. */
  heard(): void {
    this.cancel();
    this.isProbing = false;
    this.cancel = this.clock.after(this.idleMs, () => this.ask(PONG_TIMEOUT_MS));
  }

  /** Checks now, with less patience. */
  probe(): void {
    if (!this.isProbing) this.ask(PROBE_TIMEOUT_MS);
  }

  stop(): void {
    this.cancel();
  }

  private ask(timeoutMs: number): void {
    this.cancel();
    this.isProbing = timeoutMs === PROBE_TIMEOUT_MS;
    this.cancel = this.clock.after(timeoutMs, () => this.owner.dead());
    this.owner.ping();
  }
}
