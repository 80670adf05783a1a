import type { ClientPorts } from "../../src/client/client.ts";
import type { Keep } from "../../src/client/keep.ts";
import { ToolRegistry } from "../../src/client/tools/ToolRegistry.ts";
import type { Clock, ProbeResult, SocketListener } from "../../src/connection/ports.ts";

/** Time that passes when the test says so. */
export class FakeClock implements Clock {
  private time = 1_000_000;
  private timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.time + delayMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  /** Lets time pass, calling what falls due in order. */
  pass(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.filter((each) => each.at <= end).sort((left, right) => left.at - right.at)[0];
      if (!next) break;
      this.time = Math.max(this.time, next.at);
      this.timers = this.timers.filter((each) => each !== next);
      next.callback();
    }
    this.time = end;
  }

  get timerCount(): number {
    return this.timers.length;
  }
}

/** A socket that is two lists: what was sent, and a listener that the test speaks to. */
export class FakeSocket {
  readonly sent: string[] = [];
  isDropped = false;

  constructor(readonly listener: SocketListener) {}

  send(text: string): void {
    this.sent.push(text);
  }

  drop(): void {
    this.isDropped = true;
  }

  /** The server says something. */
  say(...texts: readonly string[]): void {
    for (const text of texts) this.listener.onText(text);
  }

  close(code: number): void {
    this.listener.onClose(code);
  }

  /** What was sent, parsed; optionally one type only. */
  frames(type?: string): Record<string, unknown>[] {
    const all = this.sent.map((text) => JSON.parse(text) as Record<string, unknown>);
    return type ? all.filter((each) => each.type === type) : all;
  }
}

export class FakeKeep implements Keep {
  readonly texts = new Map<string, string>();

  read(name: string): string | null {
    return this.texts.get(name) ?? null;
  }

  write(name: string, text: string | null): void {
    if (text === null || text === "") this.texts.delete(name);
    else this.texts.set(name, text);
  }
}

/** Everything around a client, in the hands of the test. */
export class FakeWorld {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly keep: FakeKeep;
  readonly tools = new ToolRegistry();
  probe: ProbeResult = "unreachable";
  network: { wake(): void; doubt(): void } | null = null;
  answers = new Map<string, unknown>();
  readonly blobs = new Map<string, Blob>();
  loadMarkdown: () => Promise<unknown> = async () => {
    throw new Error("no Markdown in this world");
  };

  constructor(keep = new FakeKeep()) {
    this.keep = keep;
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  get ports(): ClientPorts {
    return {
      clock: this.clock,
      random: () => 1,
      keep: this.keep,
      tools: this.tools,
      probe: async () => this.probe,
      openSocket: (listener) => {
        const socket = new FakeSocket(listener);
        this.sockets.push(socket);
        return socket;
      },
      getJson: async (path) => {
        const answer = this.answers.get(path.split("?")[0] ?? "");
        if (answer === undefined) throw new Error(`no answer for ${path}`);
        return answer;
      },
      getBlob: async (path) => {
        const blob = this.blobs.get(path);
        if (!blob) throw new Error(`no bytes for ${path}`);
        return blob;
      },
      loadMarkdown: () => this.loadMarkdown(),
      watchNetwork: (listener) => {
        this.network = listener;
        return () => {
          this.network = null;
        };
      },
    };
  }
}

/** Lets promises that are ready settle. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
