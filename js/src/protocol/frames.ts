import type { Ordinal } from "./ids.ts";

/** The payload of an entity: protobuf JSON, unset fields left out. Kinds give it a type in `payloads.ts`. */
export type Payload = Readonly<Record<string, unknown>>;

/** One thing on the timeline. `removed` is a tombstone: it holds its place against older copies. */
export interface Entity {
  readonly kind: string;
  readonly id: string;
  readonly created: Ordinal;
  readonly updated: Ordinal;
  readonly removed: boolean;
  readonly payload: Payload;
}

export interface UpsertOp {
  readonly op: "upsert";
  readonly entity: Entity;
}

export interface AppendOp {
  readonly op: "append";
  readonly kind: string;
  readonly id: string;
  readonly field: string;
  /** UTF-16 code units the field must hold before. */
  readonly at: number;
  readonly text: string;
  readonly updated: Ordinal;
}

export interface RemoveOp {
  readonly op: "remove";
  readonly kind: string;
  readonly id: string;
  readonly updated: Ordinal;
}

export type Op = UpsertOp | AppendOp | RemoveOp;

/** A frame with a `seq`: what a live screen is told. Covers the events `prev`+1 … `seq`. */
export interface UiEvent {
  readonly type: "event";
  readonly name: string;
  readonly id: string;
  readonly convId: string;
  readonly seq: Ordinal;
  readonly prev: Ordinal;
  readonly data: Payload;
  readonly ops: readonly Op[];
}

export interface Limits {
  readonly maxFrameBytes?: number;
  readonly maxPromptChars?: number;
}

export interface HelloFrame {
  readonly type: "ws.hello";
  readonly connectionId: string;
  readonly limits: Limits;
  readonly heartbeatMs: number;
  /** 0: it did not say. */
  readonly serverTimeMs: number;
}

export interface SubscribedFrame {
  readonly type: "ws.subscribed";
  readonly convId: string;
  readonly epoch: string;
  readonly mode: "snapshot" | "resumed";
  readonly from: Ordinal;
  readonly to: Ordinal;
}

export interface UnsubscribedFrame {
  readonly type: "ws.unsubscribed";
  readonly convId: string;
}

export interface SnapshotFrame {
  readonly type: "timeline.snapshot";
  readonly convId: string;
  readonly epoch: string;
  readonly version: Ordinal;
  readonly part: number;
  readonly last: boolean;
  readonly hasMore: boolean;
  readonly oldest: Ordinal;
  readonly entities: readonly Entity[];
}

export interface PongFrame {
  readonly type: "ws.pong";
}

export interface AckFrame {
  readonly type: "ws.ack";
  readonly id: string;
  readonly data: Payload;
}

export interface NackFrame {
  readonly type: "ws.nack";
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

export interface ErrorFrame {
  readonly type: "ws.error";
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly convId: string | null;
}

/** A control frame of a later protocol: proof of life, nothing else. */
export interface UnknownFrame {
  readonly type: "unknown";
  readonly name: string;
}

export type Frame =
  | HelloFrame
  | SubscribedFrame
  | UnsubscribedFrame
  | SnapshotFrame
  | PongFrame
  | AckFrame
  | NackFrame
  | ErrorFrame
  | UnknownFrame
  | UiEvent;

/** One page of `GET v1/timeline?before=…`. `next` is the `before` of the page before it, null at the beginning. */
export interface TimelinePage {
  readonly convId: string;
  readonly epoch: string;
  readonly version: Ordinal;
  readonly entities: readonly Entity[];
  readonly next: Ordinal | null;
}
