import { describe, expect, test } from "vitest";
import { type Field, fieldsOf } from "../src/renderers/form/fields.ts";
import { parseObject, prettyJson } from "../src/renderers/form/json.ts";

const objectOf = (properties: object, more: object = {}) => JSON.stringify({ type: "object", properties, ...more });

function fieldOf(schema: object, value?: unknown, more: object = {}): Field | undefined {
  return fieldsOf(objectOf({ it: schema }, more), JSON.stringify(value === undefined ? {} : { it: value }))?.[0];
}

describe("[TL5] fields of a schema", () => {
  test.each([
    [{ type: "string" }, "text"],
    [{ type: "string", maxLength: 500 }, "long"],
    [{ type: "string", format: "date" }, "date"],
    [{ type: "number" }, "number"],
    [{ type: "integer" }, "integer"],
    [{ type: "boolean" }, "boolean"],
    [{ enum: ["a", 1, true] }, "choice"],
    [{ oneOf: [{ const: "a", title: "A" }, { const: "b" }] }, "choice"],
    [{ const: "only" }, "choice"],
    [{ type: "array", items: { enum: ["a", "b"] } }, "choices"],
  ])("%j is a %s", (schema, kind) => {
    expect(fieldOf(schema)?.kind).toBe(kind);
  });

  test("titles, descriptions, defaults and what is required come along", () => {
    const schema = { type: "string", title: "City", description: "Where to", default: "Rome" };
    expect(fieldOf(schema, undefined, { required: ["it"] })).toMatchObject({
      name: "it",
      title: "City",
      description: "Where to",
      initial: "Rome",
      isRequired: true,
    });
    expect(fieldOf({ type: "string" })).toMatchObject({ title: "it", initial: undefined, isRequired: false });
  });

  test("references inside the schema are followed, and null is an answer where it may be", () => {
    const $defs = { Size: { enum: ["S", "L"], title: "Size" }, Loop: { $ref: "#/$defs/Loop" } };
    expect(fieldOf({ $ref: "#/$defs/Size" }, undefined, { $defs })).toMatchObject({ kind: "choice", title: "Size" });
    expect(fieldOf({ anyOf: [{ type: "integer" }, { type: "null" }] })).toMatchObject({
      kind: "integer",
      isNullable: true,
    });
    expect(fieldOf({ type: ["string", "null"] })).toMatchObject({ kind: "text", isNullable: true });
    expect(fieldOf({ $ref: "#/$defs/Loop" }, undefined, { $defs })).toBeUndefined();
    expect(fieldsOf(JSON.stringify({ $ref: "#/$defs/It", $defs: { It: JSON.parse(objectOf({})) } }), "")).toEqual([]);
  });

  test.each([
    ["an object inside", { type: "object" }],
    ["a free list", { type: "array", items: { type: "string" } }],
    ["several types", { anyOf: [{ type: "string" }, { type: "integer" }] }],
    ["anything", {}],
    ["a reference to elsewhere", { $ref: "https://example.org/schema" }],
  ])("%s is written as JSON", (_, schema) => {
    expect(fieldOf(schema)).toBeUndefined();
  });

  test("[MG8] no form where it could lose something of what is there", () => {
    expect(fieldOf({ type: "integer" }, "three")).toBeUndefined();
    expect(fieldOf({ enum: ["a"] }, "b")).toBeUndefined();
    expect(fieldOf({ type: "string" }, "a\r\nb")).toBeUndefined();
    expect(fieldOf({ type: "string" }, null)).toBeUndefined();
    expect(fieldsOf(objectOf({ a: { type: "string" } }), '{"a": "x", "b": 1}')).toBeNull();
    expect(fieldsOf(objectOf({ a: { type: "string" } }), '{"toString": 1}')).toBeNull();
    expect(fieldsOf(objectOf({ a: { type: "integer" } }), '{"a": 12345678901234567890}')).toBeNull();
    expect(fieldsOf(objectOf({ a: { type: "string" } }, { anyOf: [{ required: ["a"] }] }), "")).toBeNull();
    expect(fieldsOf("no JSON", "")).toBeNull();
    expect(fieldsOf('{"type": "object"}', "")).toBeNull();
  });
});

describe("[TL2, MG8] what a person is asked about is what will be done", () => {
  test("a number that JavaScript would change is shown as it was written", () => {
    const text = '{"amount": 12345678901234567890}';
    expect(prettyJson(text)).toBe(text);
    expect(prettyJson('{"a": 1e999}')).toBe('{"a": 1e999}');
    expect(parseObject(text)).toBeNull();
    expect(prettyJson('{"a": 1}')).toBe('{\n  "a": 1\n}');
  });

  test("characters that turn the direction of the text are named", () => {
    expect(prettyJson('{"path": "a\u202etxt.exe"}')).toContain("a\\u202etxt.exe");
    expect(JSON.parse(prettyJson('{"path": "a\u202etxt.exe"}'))).toEqual({ path: "a\u202etxt.exe" });
  });
});
