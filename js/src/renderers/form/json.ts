/** A JSON object that was parsed. */
export type Json = Readonly<Record<string, unknown>>;

/** Numbers that JavaScript would change: nobody may read or allow another one than what is meant. */
const INEXACT = /\d{16}|\d[eE]\+?\d{3}/;
/** Characters that change the direction of what follows could show it as something else. */
const BIDI = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The object of a JSON text; null when it is none, or when reading it would change a number. */
export function parseObject(text: string): Json | null {
  try {
    const value: unknown = INEXACT.test(text) ? null : JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON with line breaks; anything else unchanged. */
export function prettyJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "string") return value;
    const set = INEXACT.test(text) ? text : JSON.stringify(value, null, 2);
    return set.replace(BIDI, (char) => `\\u${char.charCodeAt(0).toString(16)}`);
  } catch {
    return text;
  }
}
