import fc from "fast-check";
import { merge } from "../../src/store/merge.ts";
import { type ConversationState, emptyConversation, entitiesInOrder } from "../../src/store/state.ts";
import { append, decodeOne, snapshot, subscribed, toWire, uiEvent, upsert, wireEntity } from "./wire.ts";

/** One event of a made-up conversation. */
type Deed =
  | { readonly kind: "create"; readonly id: number }
  | { readonly kind: "append"; readonly id: number; readonly text: string }
  | { readonly kind: "replace"; readonly id: number; readonly text: string }
  | { readonly kind: "remove"; readonly id: number };

const id = fc.nat({ max: 5 });
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 4 });

export const deeds: fc.Arbitrary<readonly Deed[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("create" as const), id }),
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("append" as const), id, text }) },
    fc.record({ kind: fc.constant("replace" as const), id, text }),
    fc.record({ kind: fc.constant("remove" as const), id }),
  ),
  { minLength: 1, maxLength: 40 },
);

interface Row {
  created: number;
  updated: number;
  content: string;
}

/** The server's side, written as simply as can be: the tests' notion of what is right. */
export class Log {
  readonly frames: string[] = [];
  private readonly rows = new Map<string, Row>();
  private readonly history: (readonly object[])[] = [[]];

  constructor(
    readonly convId: string,
    done: readonly Deed[],
  ) {
    for (const deed of done) this.add(deed);
  }

  get head(): number {
    return this.frames.length;
  }

  /** All entities as they were at an ordinal. */
  at(ordinal: number): readonly object[] {
    return this.history[ordinal] ?? [];
  }

  snapshotAt(ordinal: number, windowSize = Number.POSITIVE_INFINITY): readonly string[] {
    const all = this.at(ordinal) as { created: string }[];
    const shown = all.slice(Math.max(0, all.length - windowSize));
    const hasMore = shown.length < all.length;
    const shape = { hasMore, oldest: Number(shown[0]?.created ?? 0) };
    return [subscribed(this.convId, "snapshot", 0, ordinal), snapshot(this.convId, ordinal, shown, shape)];
  }

  private add(deed: Deed): void {
    const seq = this.head + 1;
    const name = `m${deed.id}`;
    const row = this.rows.get(name);
    const ops: object[] = [];
    if (deed.kind === "remove") {
      if (row) ops.push({ op: "remove", kind: "ChatMessage", id: name, updated: String(seq) });
      this.rows.delete(name);
    } else if (deed.kind === "append" && row) {
      ops.push(append(name, row.content.length, deed.text, seq));
      row.content += deed.text;
      row.updated = seq;
    } else {
      const content = deed.kind === "create" ? "" : deed.text;
      const next = { created: row?.created ?? seq, updated: seq, content };
      this.rows.set(name, next);
      ops.push(upsert("ChatMessage", name, next.created, seq, { content }));
    }
    this.frames.push(uiEvent(this.convId, seq - 1, seq, ops));
    const sorted = [...this.rows].sort(([, left], [, right]) => left.created - right.created);
    this.history.push(
      sorted.map(([key, { created, updated, content }]) =>
        wireEntity("ChatMessage", key, created, updated, { content }),
      ),
    );
  }
}

export function fold(texts: readonly string[], from: ConversationState = emptyConversation("c1")): ConversationState {
  return texts.reduce((state, each) => merge(state, decodeOne(each)), from);
}

export function shown(state: ConversationState): readonly object[] {
  return entitiesInOrder(state).map(toWire);
}
