import { asCount, asFlagOr, asList, asObject, asText, DecodeError, fieldOf, type Json } from "./fields.ts";
import type { Entity, Op, TimelinePage } from "./frames.ts";

/** Reads an entity, or its tombstone (`"removed": true`, no payload). */
export function decodeEntity(value: unknown): Entity {
  const from = asObject(value, "entity");
  const removed = asFlagOr(from, "removed", false);
  const payload = fieldOf(from, "payload");
  return {
    kind: asText(from, "kind"),
    id: asText(from, "id"),
    created: asCount(from, "created"),
    updated: asCount(from, "updated"),
    removed,
    payload: removed && payload === undefined ? {} : asObject(payload, "payload"),
  };
}

export function decodeOp(value: unknown): Op {
  const from = asObject(value, "ops");
  const op = asText(from, "op");
  if (op === "upsert") return { op, entity: decodeEntity(fieldOf(from, "entity")) };
  if (op !== "append" && op !== "remove") throw new DecodeError("op", "upsert, append or remove");
  const target = { kind: asText(from, "kind"), id: asText(from, "id"), updated: asCount(from, "updated") };
  return op === "remove" ? { op, ...target } : { op, ...target, ...decodePiece(from) };
}

function decodePiece(from: Json): { field: string; at: number; text: string } {
  const field = asText(from, "field");
  if (field === "__proto__") throw new DecodeError("field", "the name of a payload field");
  return { field, at: asCount(from, "at"), text: asText(from, "text") };
}

/** Reads the answer of `GET v1/timeline`. */
export function decodePage(value: unknown): TimelinePage {
  const from = asObject(value, "page");
  const next = fieldOf(from, "next");
  return {
    convId: asText(from, "conv_id"),
    epoch: asText(from, "epoch"),
    version: asCount(from, "version"),
    entities: asList(from, "entities").map(decodeEntity),
    next: next === undefined || next === null || next === "" ? null : asCount(from, "next"),
  };
}
