import type { Command } from "../protocol/clientFrames.ts";
import type { Keep } from "./keep.ts";

/** A command that the server has not answered yet. */
export interface PendingCommand {
  readonly command: Command;
  readonly atMs: number;
}

/** Commands found after a reload that are older than this are not sent behind the user's back. */
const MAX_AGE_MS = 5 * 60_000;

/**
 * Commands on their way, in the order they were given. An entry leaves only when the server answered, so it may be sent
 * many times; its id is its idempotency key and makes that harmless (FR12, HT3).
 */
export class Outbox {
  entries: readonly PendingCommand[];
  /** Entries of an earlier page that are too old to send: their texts belong into the composer. */
  readonly stale: readonly PendingCommand[];

  constructor(
    private readonly keep: Keep,
    private readonly name: string,
    private readonly now: () => number,
  ) {
    const found = parseEntries(keep.read(name));
    const isFresh = (entry: PendingCommand) => now() - entry.atMs <= MAX_AGE_MS;
    this.entries = found.filter(isFresh);
    this.stale = found.filter((entry) => !isFresh(entry));
    if (this.stale.length > 0) this.save();
  }

  add(command: Command): void {
    this.entries = [...this.entries, { command, atMs: this.now() }];
    this.save();
  }

  /** Takes out the command that was answered; undefined if it is not ours. */
  settle(id: string): Command | undefined {
    const found = this.entries.find((each) => each.command.id === id);
    if (found) {
      this.entries = this.entries.filter((each) => each !== found);
      this.save();
    }
    return found?.command;
  }

  private save(): void {
    this.keep.write(this.name, this.entries.length > 0 ? JSON.stringify(this.entries) : null);
  }
}

function parseEntries(text: string | null): readonly PendingCommand[] {
  try {
    const entries: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(entries) ? entries.filter((each) => typeof each?.command?.id === "string") : [];
  } catch {
    return [];
  }
}
