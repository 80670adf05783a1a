/** Time, as the connection sees it; tests bring their own. */
export interface Clock {
  now(): number;
  /** Calls back once after `delayMs`; the answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** What a socket tells its owner. After `onClose` nothing more comes. */
export interface SocketListener {
  onOpen(): void;
  onText(text: string): void;
  onClose(code: number): void;
}

/** One socket: websocket today, a notebook comm or a test's list tomorrow. */
export interface Socket {
  send(text: string): void;
  /** Ends it without telling the listener. */
  drop(): void;
}

/** Why a connection could not be made, asked over HTTP because a failed websocket does not say. */
export type ProbeResult = "ok" | "absent" | "unauthorized" | "unreachable";

export interface ConnectionPorts {
  readonly openSocket: (listener: SocketListener) => Socket;
  readonly probe: () => Promise<ProbeResult>;
  readonly clock: Clock;
  /** A number from 0 to 1, as `Math.random`. */
  readonly random: () => number;
}
