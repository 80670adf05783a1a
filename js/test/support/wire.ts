import { decodeFrame } from "../../src/protocol/decode.ts";
import type { Entity, Frame } from "../../src/protocol/frames.ts";

/** Frames as the server writes them: tests go through the decoder like everybody else. */
export function control(type: string, data: object): string {
  return JSON.stringify({ sem: true, event: { type, data } });
}

export function hello(limits: object = {}): string {
  return control("ws.hello", { connection_id: "x", protocol_version: 1, limits, heartbeat_ms: 25_000 });
}

export function subscribed(
  convId: string,
  mode: "snapshot" | "resumed",
  from: number,
  to: number,
  epoch = "e1",
): string {
  return control("ws.subscribed", { conv_id: convId, epoch, mode, from: String(from), to: String(to) });
}

export interface SnapshotShape {
  readonly part?: number;
  readonly last?: boolean;
  readonly epoch?: string;
  readonly hasMore?: boolean;
  readonly oldest?: number;
}

export function snapshot(
  convId: string,
  version: number,
  entities: readonly object[],
  shape: SnapshotShape = {},
): string {
  const { part = 1, last = true, epoch = "e1", hasMore = false, oldest = 0 } = shape;
  const window = { has_more: hasMore, oldest: String(oldest) };
  return control("timeline.snapshot", {
    conv_id: convId,
    epoch,
    version: String(version),
    part,
    last,
    ...window,
    entities,
  });
}

export function uiEvent(convId: string, prev: number, seq: number, ops: readonly object[], type = "llm.delta"): string {
  const event = { type, id: "m1", conv_id: convId, seq: String(seq), prev: String(prev), at_ms: 1, data: {}, ops };
  return JSON.stringify({ sem: true, event });
}

export function upsert(kind: string, id: string, created: number, updated: number, payload: object): object {
  return { op: "upsert", entity: wireEntity(kind, id, created, updated, payload) };
}

export function wireEntity(kind: string, id: string, created: number, updated: number, payload: object): object {
  return { kind, id, created: String(created), updated: String(updated), payload };
}

export function append(id: string, at: number, text: string, updated: number): object {
  return { op: "append", kind: "ChatMessage", id, field: "content", at, text, updated: String(updated) };
}

export function decodeOne(text: string): Frame {
  return decodeFrame(text);
}

/** An entity back in the form of the wire, as golden files hold it. */
export function toWire(entity: Entity): object {
  return wireEntity(entity.kind, entity.id, entity.created, entity.updated, entity.payload);
}
