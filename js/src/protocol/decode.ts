import { decodeEntity, decodeOp } from "./decodeEntity.ts";
import {
  asCount,
  asCountOr,
  asFlag,
  asFlagOr,
  asList,
  asObject,
  asText,
  asTextOr,
  DecodeError,
  fieldOf,
  type Json,
} from "./fields.ts";
import type { Frame, UiEvent } from "./frames.ts";

type ControlDecoder = (data: Json, convId: string) => Frame;

/** Asked for when the server does not say: the default of the protocol (FR9). */
const DEFAULT_HEARTBEAT_MS = 25_000;

const CONTROL: ReadonlyMap<string, ControlDecoder> = new Map<string, ControlDecoder>([
  ["ws.hello", decodeHello],
  ["ws.subscribed", decodeSubscribed],
  ["ws.unsubscribed", (_data, convId) => ({ type: "ws.unsubscribed", convId })],
  ["timeline.snapshot", decodeSnapshot],
  ["ws.pong", () => ({ type: "ws.pong" })],
  ["ws.ack", (data) => ({ type: "ws.ack", id: asText(data, "id"), data })],
  ["ws.nack", (data) => ({ type: "ws.nack", id: asText(data, "id"), ...decodeRefusal(data) })],
  ["ws.error", (data, convId) => ({ type: "ws.error", ...decodeRefusal(data), convId: convId || null })],
]);

/** Reads what came over a socket. Throws a {@link DecodeError} that names the field; nothing of it may be used then. */
export function decodeFrame(text: string): Frame {
  const envelope = asObject(parseJson(text), "frame");
  if (fieldOf(envelope, "sem") !== true) throw new DecodeError("sem", "true");
  return decodeEvent(asObject(fieldOf(envelope, "event"), "event"));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DecodeError("frame", "JSON");
  }
}

function decodeEvent(event: Json): Frame {
  const name = asText(event, "type");
  const data = asObject(fieldOf(event, "data") ?? {}, "data");
  const convId = asTextOr(event, "conv_id", asTextOr(data, "conv_id", ""));
  if (fieldOf(event, "seq") !== undefined) return decodeUiEvent(event, name, convId, data);
  const decoder = CONTROL.get(name);
  return decoder ? decoder(data, convId) : { type: "unknown", name };
}

function decodeUiEvent(event: Json, name: string, convId: string, data: Json): UiEvent {
  const ops = fieldOf(event, "ops") === undefined ? [] : asList(event, "ops");
  return {
    type: "event",
    name,
    id: asTextOr(event, "id", ""),
    convId,
    seq: asCount(event, "seq"),
    prev: asCount(event, "prev"),
    data,
    ops: ops.map(decodeOp),
  };
}

function decodeHello(data: Json): Frame {
  const limits = asObject(fieldOf(data, "limits") ?? {}, "limits");
  const maxFrameBytes = asCountOr(limits, "max_frame_bytes", 0);
  const maxPromptChars = asCountOr(limits, "max_prompt_chars", 0);
  return {
    type: "ws.hello",
    connectionId: asTextOr(data, "connection_id", ""),
    limits: { ...(maxFrameBytes && { maxFrameBytes }), ...(maxPromptChars && { maxPromptChars }) },
    heartbeatMs: asCountOr(data, "heartbeat_ms", DEFAULT_HEARTBEAT_MS),
    serverTimeMs: asCountOr(data, "server_time_ms", 0),
  };
}

function decodeSubscribed(data: Json, convId: string): Frame {
  const mode = asText(data, "mode");
  if (mode !== "snapshot" && mode !== "resumed") throw new DecodeError("mode", "snapshot or resumed");
  const range = { from: asCountOr(data, "from", 0), to: asCountOr(data, "to", 0) };
  return { type: "ws.subscribed", convId, epoch: asText(data, "epoch"), mode, ...range };
}

function decodeSnapshot(data: Json, convId: string): Frame {
  return {
    type: "timeline.snapshot",
    convId,
    epoch: asText(data, "epoch"),
    version: asCount(data, "version"),
    part: asCount(data, "part"),
    last: asFlag(data, "last"),
    hasMore: asFlagOr(data, "has_more", false),
    oldest: asCountOr(data, "oldest", 0),
    entities: asList(data, "entities").map(decodeEntity),
  };
}

function decodeRefusal(data: Json): { code: string; message: string; retryable: boolean } {
  return {
    code: asText(data, "code"),
    message: asTextOr(data, "message", ""),
    retryable: asFlagOr(data, "retryable", false),
  };
}
