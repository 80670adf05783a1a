import { isObject, type Json, parseObject } from "./json.ts";

export type FieldKind = "text" | "long" | "date" | "number" | "integer" | "boolean" | "choice" | "choices";

export interface Option {
  readonly value: unknown;
  readonly title: string;
}

/** One thing to fill in. */
export interface Field {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly kind: FieldKind;
  readonly isRequired: boolean;
  readonly isNullable: boolean;
  readonly options: readonly Option[];
  readonly schema: Json;
  /** What it holds before anybody touches it; undefined: nothing. */
  readonly initial: unknown;
}

/** What makes a schema more than a list of fields. */
const BEYOND = ["anyOf", "oneOf", "allOf", "not", "if", "patternProperties", "dependentSchemas", "dependentRequired"];
/** So many references to references are followed; a schema may refer to itself. */
const MAX_DEPTH = 8;
/** A longer text is written in several lines. */
const LONG_CHARS = 120;

/**
 * The fields of a JSON Schema of a simple object, in its order; null when it is anything else, or when one of the values
 * that are there would not fit into its field: a form would lose something.
 */
export function fieldsOf(schemaText: string, valuesText: string): readonly Field[] | null {
  const root = parseObject(schemaText);
  const values = parseObject(valuesText || "{}");
  if (!root || !values) return null;
  const schema = resolve(root, root);
  const properties = schema.properties ?? (schema.additionalProperties === false ? {} : null);
  if (!isObject(properties) || BEYOND.some((key) => key in schema)) return null;
  if (Object.keys(values).some((name) => !Object.hasOwn(properties, name))) return null;
  const required: readonly unknown[] = Array.isArray(schema.required) ? schema.required : [];
  const fields = Object.entries(properties).map(([name, inner]) =>
    isObject(inner) ? fieldOf(name, inner, root, required.includes(name), values[name]) : null,
  );
  return fields.every((field) => field !== null) ? fields : null;
}

function fieldOf(name: string, written: Json, root: Json, isRequired: boolean, value: unknown): Field | null {
  const schema = resolve(written, root);
  const initial = value === undefined ? schema.default : value;
  const options = optionsOf(schema.type === "array" && isObject(schema.items) ? resolve(schema.items, root) : schema);
  const kind = kindOf(schema, options, initial);
  const isNullable = schema.nullable === true;
  if (!kind || !holds(kind, options, initial, isNullable)) return null;
  const title = typeof schema.title === "string" && schema.title ? schema.title : name;
  const description = typeof schema.description === "string" ? schema.description : "";
  return { name, title, description, kind, isRequired, isNullable, options, schema, initial };
}

/** Follows references; "this or null" is this, and `nullable`. */
function resolve(schema: Json, root: Json, depth = 0): Json {
  if (depth > MAX_DEPTH) return {};
  const { $ref, anyOf, ...rest } = schema;
  if (typeof $ref === "string") {
    const steps = $ref.replace(/^#\/?/, "").split("/").filter(Boolean);
    const target = steps.reduce<unknown>(
      (at, step) => (isObject(at) && Object.hasOwn(at, step) ? at[step] : undefined),
      root,
    );
    return isObject(target) ? resolve({ ...target, ...rest }, root, depth + 1) : {};
  }
  if (Array.isArray(anyOf)) {
    const others = anyOf.filter((each) => each?.type !== "null");
    if (others.length !== 1 || !isObject(others[0]) || others.length === anyOf.length) return schema;
    return resolve({ ...others[0], ...rest, nullable: true }, root, depth + 1);
  }
  if (Array.isArray(rest.type) && rest.type.length === 2 && rest.type.includes("null")) {
    return { ...rest, type: rest.type.find((each) => each !== "null"), nullable: true };
  }
  return schema;
}

function optionsOf(schema: Json): readonly Option[] {
  if (Array.isArray(schema.enum)) {
    return schema.enum.filter((value) => value !== null).map((value) => ({ value, title: String(value) }));
  }
  const named = Array.isArray(schema.oneOf) ? schema.oneOf : "const" in schema ? [schema] : [];
  if (!named.every((each) => isObject(each) && "const" in each)) return [];
  return named.map((each) => ({ value: each.const, title: String(each.title ?? each.const) }));
}

function kindOf(schema: Json, options: readonly Option[], initial: unknown): FieldKind | null {
  if (schema.type === "array") return options.length > 0 ? "choices" : null;
  if (options.length > 0) return options.every((each) => typeof each.value !== "object") ? "choice" : null;
  if (BEYOND.some((key) => key in schema)) return null;
  switch (schema.type) {
    case "number":
    case "integer":
    case "boolean":
      return schema.type;
    case "string":
      if (schema.format === "date") return "date";
      return isLong(schema, initial) ? "long" : "text";
    default:
      return null;
  }
}

function isLong(schema: Json, initial: unknown): boolean {
  if (schema.format === "textarea" || Number(schema.maxLength) > LONG_CHARS) return true;
  return typeof initial === "string" && (initial.length > LONG_CHARS || initial.includes("\n"));
}

function holds(kind: FieldKind, options: readonly Option[], value: unknown, isNullable: boolean): boolean {
  const isOption = (each: unknown) => options.some((option) => option.value === each);
  if (value === undefined) return true;
  if (value === null) return isNullable;
  if (kind === "choice") return isOption(value);
  if (kind === "choices") return Array.isArray(value) && value.every(isOption);
  if (kind === "integer") return Number.isSafeInteger(value);
  if (kind === "number" || kind === "boolean") return typeof value === kind;
  if (kind === "date") return typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value);
  // Several lines make a text a long one; a text area would make one kind of line end of all.
  return typeof value === "string" && !value.includes("\r");
}
