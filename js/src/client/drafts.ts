import type { Keep } from "./keep.ts";

/** What was typed and not sent, per conversation: survives a new view and a reload. */
export class Drafts {
  private readonly texts = new Map<string, string>();

  constructor(
    private readonly keep: Keep,
    private readonly owner: string,
  ) {}

  get(convId: string): string {
    const text = this.texts.get(convId) ?? this.keep.read(this.nameOf(convId)) ?? "";
    this.texts.set(convId, text);
    return text;
  }

  set(convId: string, text: string): void {
    this.texts.set(convId, text);
    this.keep.write(this.nameOf(convId), text);
  }

  /** Puts a text that could not be sent back, before what was typed meanwhile. */
  restore(convId: string, text: string): void {
    const typed = this.get(convId);
    this.set(convId, typed && typed !== text ? `${text}\n${typed}` : text);
  }

  private nameOf(convId: string): string {
    return `draft:${this.owner}:${convId}`;
  }
}
