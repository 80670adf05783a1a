import { pingFrame } from "../protocol/clientFrames.ts";
import { isFinalClose } from "../protocol/closeCodes.ts";
import { decodeFrame } from "../protocol/decode.ts";
import type { Frame, HelloFrame, Limits } from "../protocol/frames.ts";
import { ABSENT_RETRY_MS, backoffMs } from "./backoff.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { ConnectionPorts, Socket } from "./ports.ts";

/** No `ws.hello` after this long: the socket is given up. */
const HELLO_TIMEOUT_MS = 15_000;
/** A connection that lived this long was a good one: the next loss starts at the first delay again. */
const STABLE_MS = 5_000;

/**
 * - `idle`: nobody needs it · `connecting`: no hello yet · `ready`: frames flow · `waiting`: lost, retrying by itself
 * - `doubtful`: the browser says it is offline; the socket is kept until a ping tells
 * - `absent`: a server, but not our extension · `unauthorized`: it wants a login · both are asked again, slowly
 * - `closed`: the server said not to come back
 */
export type LinkPhase = "idle" | "connecting" | "ready" | "waiting" | "doubtful" | "absent" | "unauthorized" | "closed";

export interface LinkStatus {
  readonly phase: LinkPhase;
  /** Retries since the last good connection. */
  readonly attempt: number;
  readonly wasEverReady: boolean;
  readonly closeCode: number | null;
}

export interface ConnectionListener {
  /** Hello came: subscribe, and send again what was not answered. */
  onReady(): void;
  onFrame(frame: Frame): void;
  /** The socket is gone; subscriptions went with it. */
  onLost(): void;
  onStatus(status: LinkStatus): void;
}

/** One lasting connection over many sockets (FR1, FR9, FR11). Knows nothing of conversations. */
export class Connection {
  status: LinkStatus = { phase: "idle", attempt: 0, wasEverReady: false, closeCode: null };
  limits: Limits = {};
  /** How far the server's clock is ahead of ours. */
  aheadMs = 0;

  private socket: Socket | null = null;
  private heartbeat: Heartbeat | null = null;
  private cancelTimer: () => void = () => {};
  private cancelStable: () => void = () => {};

  constructor(
    private readonly ports: ConnectionPorts,
    private readonly listener: ConnectionListener,
  ) {}

  /** Connects if it is not already at it. */
  start(): void {
    if (this.status.phase === "idle") this.connect();
  }

  /** Ends it; `start` begins anew. */
  stop(): void {
    this.letGo();
    this.update({ phase: "idle", attempt: 0, closeCode: null });
  }

  /** The user, the network or the page wants it now: no more waiting. Also leaves `closed`. */
  reconnect(): void {
    const { phase } = this.status;
    if (phase === "idle" || phase === "connecting" || phase === "ready" || phase === "doubtful") return;
    this.connect();
  }

  /** Sends if there is a connection; what must not be lost is sent again on `onReady`. */
  send(text: string): void {
    if (this.isOpen()) this.socket?.send(text);
  }

  isOpen(): boolean {
    return this.status.phase === "ready" || this.status.phase === "doubtful";
  }

  /** The browser says the network is back, or the page is seen again. */
  wake(): void {
    if (this.isOpen()) this.heartbeat?.probe();
    else if (this.status.phase !== "closed") this.reconnect();
  }

  /** The browser says the network is gone. It may be wrong: the server can be on this machine. */
  doubt(): void {
    if (this.status.phase !== "ready") return;
    this.update({ phase: "doubtful" });
    this.socket?.send(pingFrame());
  }

  private connect(): void {
    this.letGo();
    this.update({ phase: "connecting", closeCode: null });
    this.cancelTimer = this.ports.clock.after(HELLO_TIMEOUT_MS, () => this.lose(null));
    const socket: Socket = this.ports.openSocket({
      onOpen: () => {},
      onText: (text) => this.socket === socket && this.receive(text),
      onClose: (code) => this.socket === socket && this.lose(code),
    });
    this.socket = socket;
  }

  private receive(text: string): void {
    const socket = this.socket;
    this.heartbeat?.heard();
    if (this.status.phase === "doubtful") this.update({ phase: "ready" });
    const frame = decodeOrReport(text);
    if (!frame) return;
    if (frame.type === "ws.hello") this.greet(frame);
    // A listener may have ended or replaced the connection meanwhile.
    if (this.socket === socket && this.isOpen()) this.listener.onFrame(frame);
  }

  private greet(hello: HelloFrame): void {
    if (this.status.phase !== "connecting") return;
    this.cancelTimer();
    this.limits = hello.limits;
    this.aheadMs = hello.serverTimeMs && hello.serverTimeMs - this.ports.clock.now();
    const owner = { ping: () => this.send(pingFrame()), dead: () => this.lose(null) };
    this.heartbeat = new Heartbeat(this.ports.clock, owner, hello.heartbeatMs);
    this.cancelStable = this.ports.clock.after(STABLE_MS, () => this.update({ attempt: 0 }));
    this.update({ phase: "ready", wasEverReady: true });
    this.listener.onReady();
  }

  /** The socket closed, or is as good as closed (`code` null). */
  private lose(code: number | null): void {
    const wasOpen = this.isOpen();
    this.letGo();
    if (code !== null && isFinalClose(code)) this.update({ phase: "closed", closeCode: code });
    else this.retryAfter(backoffMs(this.status.attempt, this.ports.random), "waiting", code);
    if (wasOpen) this.listener.onLost();
    else if (this.status.phase === "waiting") void this.findOutWhy();
  }

  private retryAfter(delayMs: number, phase: LinkPhase, closeCode: number | null): void {
    this.cancelTimer();
    this.update({ phase, attempt: this.status.attempt + 1, closeCode });
    this.cancelTimer = this.ports.clock.after(delayMs, () => this.connect());
  }

  /** A handshake that fails looks the same whatever the reason; HTTP tells them apart. */
  private async findOutWhy(): Promise<void> {
    const { attempt } = this.status;
    const found = await this.ports.probe();
    const isStillWaiting = this.status.phase === "waiting" && this.status.attempt === attempt;
    if (!isStillWaiting || found === "ok" || found === "unreachable") return;
    this.retryAfter(ABSENT_RETRY_MS, found, null);
  }

  private letGo(): void {
    this.cancelTimer();
    this.cancelStable();
    this.heartbeat?.stop();
    this.heartbeat = null;
    this.socket?.drop();
    this.socket = null;
  }

  private update(change: Partial<LinkStatus>): void {
    this.status = { ...this.status, ...change };
    this.listener.onStatus(this.status);
  }
}

function decodeOrReport(text: string): Frame | null {
  try {
    return decodeFrame(text);
  } catch (error) {
    // The next frame will not follow on this one, so the loss is found as a gap (FR3).
    console.warn("webchat_nb: a frame was not understood:", (error as Error).message);
    return null;
  }
}
