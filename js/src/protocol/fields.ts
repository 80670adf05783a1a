/** Something on the wire was not what the protocol says. Names the field; the frame is dropped, never half used. */
export class DecodeError extends Error {
  readonly code = "bad_frame";
  constructor(
    readonly field: string,
    expected: string,
  ) {
    super(`${field}: expected ${expected}`);
  }
}

export type Json = Readonly<Record<string, unknown>>;

export function asObject(value: unknown, field: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new DecodeError(field, "an object");
  return value as Json;
}

/** A field of its own, never one that the object inherits. */
export function fieldOf(from: Json, field: string): unknown {
  return Object.hasOwn(from, field) ? from[field] : undefined;
}

export function asText(from: Json, field: string): string {
  const value = fieldOf(from, field);
  if (typeof value !== "string") throw new DecodeError(field, "a string");
  return value;
}

export function asTextOr(from: Json, field: string, fallback: string): string {
  return fieldOf(from, field) === undefined ? fallback : asText(from, field);
}

export function asFlag(from: Json, field: string): boolean {
  const value = fieldOf(from, field);
  if (typeof value !== "boolean") throw new DecodeError(field, "true or false");
  return value;
}

export function asFlagOr(from: Json, field: string, fallback: boolean): boolean {
  return fieldOf(from, field) === undefined ? fallback : asFlag(from, field);
}

export function asList(from: Json, field: string): readonly unknown[] {
  const value = fieldOf(from, field);
  if (!Array.isArray(value)) throw new DecodeError(field, "a list");
  return value;
}

/** A count: a JSON number, or the decimal string that protobuf JSON makes of 64-bit fields. */
export function asCount(from: Json, field: string): number {
  const value = fieldOf(from, field);
  const count = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 0) {
    throw new DecodeError(field, "a whole number from 0 to 2^53");
  }
  return count;
}

export function asCountOr(from: Json, field: string, fallback: number): number {
  return fieldOf(from, field) === undefined ? fallback : asCount(from, field);
}
