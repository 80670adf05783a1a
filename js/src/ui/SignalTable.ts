import { type ReadonlySignal, type Signal, signal } from "@preact/signals";

/** A table whose every entry is a signal: a card hears of its own entry alone. */
export class SignalTable<Value> {
  private readonly heard = new Map<string, Signal<Value | undefined>>();
  private shown: ReadonlyMap<string, Value> = new Map();

  /** `isSame`: whether nobody has to hear of the change. */
  constructor(private readonly isSame: (before: Value | undefined, now: Value | undefined) => boolean = Object.is) {}

  of(key: string): ReadonlySignal<Value | undefined> {
    const known = this.heard.get(key) ?? signal(this.shown.get(key));
    this.heard.set(key, known);
    return known;
  }

  /** Replaces all entries. */
  show(entries: ReadonlyMap<string, Value>): void {
    this.shown = entries;
    for (const [key, known] of this.heard) {
      const now = entries.get(key);
      if (!this.isSame(known.value, now)) known.value = now;
    }
  }

  /** Nobody listens to this entry any more. */
  forget(key: string): void {
    this.heard.delete(key);
  }
}
