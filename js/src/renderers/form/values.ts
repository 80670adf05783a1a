import { strings } from "../../strings/strings.ts";
import type { Field } from "./fields.ts";
import { isObject } from "./json.ts";

export type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** What was filled in as the JSON text of an object, or what is wrong in words, by the name of the control. */
export type Reading = { readonly json: string } | { readonly problems: ReadonlyMap<string, string> };

/** Gives the controls of a name: one, or one for each choice. */
export type FindControls = (name: string) => readonly Control[];

/** Reads a form's fields; the nth is called `id` and n. The server looks at everything once more. */
export function readFields(fields: readonly Field[], id: string, find: FindControls): Reading {
  const problems = new Map<string, string>();
  const values: [string, unknown][] = [];
  for (const [index, field] of fields.entries()) {
    const name = `${id}-${index}`;
    const problem = problemOf(field, find(name));
    if (problem) problems.set(name, problem);
    values.push([field.name, readValue(field, find(name))]);
  }
  // A value that is undefined is left out.
  return problems.size > 0 ? { problems } : { json: JSON.stringify(Object.fromEntries(values)) };
}

/** Reads a text that has to be JSON, and an object at that. It is sent as it was written. */
export function readText(name: string, find: FindControls): Reading {
  const text = find(name)[0]?.value ?? "";
  try {
    return isObject(JSON.parse(text)) ? { json: text } : { problems: new Map([[name, strings.expectedObject]]) };
  } catch (error) {
    return { problems: new Map([[name, strings.notJson(error instanceof Error ? error.message : "")]]) };
  }
}

function problemOf({ kind, schema }: Field, controls: readonly Control[]): string | null {
  if (kind === "choices") {
    const count = controls.filter(isChecked).length;
    if (count < Number(schema.minItems ?? 0)) return strings.choiceTooFew(Number(schema.minItems));
    return count > Number(schema.maxItems ?? count) ? strings.choiceTooMany(Number(schema.maxItems)) : null;
  }
  const [control] = controls;
  const validity = control?.validity;
  if (!control || !validity || kind === "boolean") return null;
  if (validity.valueMissing) return strings.fieldMissing;
  if (validity.badInput || validity.stepMismatch) return kind === "integer" ? strings.notWhole : strings.notFitting;
  if (validity.rangeUnderflow) return strings.tooSmall(String(schema.minimum));
  if (validity.rangeOverflow) return strings.tooBig(String(schema.maximum));
  if (validity.tooShort) return strings.tooShort(Number(schema.minLength));
  const isInexact = kind === "integer" && !Number.isSafeInteger(Number(control.value));
  return validity.valid && !isInexact ? null : strings.notFitting;
}

function readValue(field: Field, controls: readonly Control[]): unknown {
  const { kind, options, isRequired, isNullable, initial } = field;
  const text = controls[0]?.value ?? "";
  const picked = controls.filter(isChecked).map((each) => options[Number(each.value)]?.value);
  if (kind === "boolean") return controls.some(isChecked);
  if (kind === "choices") return picked.length > 0 || isRequired || initial !== undefined ? picked : undefined;
  if (controls[0]?.type === "radio") return picked[0];
  // An empty text stays one where it was one.
  const isEmpty = text === "" && (kind === "choice" || initial !== "");
  if (isEmpty) return isNullable && (isRequired || initial === null) ? null : undefined;
  if (kind === "choice") return options[Number(text)]?.value;
  return kind === "number" || kind === "integer" ? Number(text) : text;
}

function isChecked(control: Control): boolean {
  return control instanceof HTMLInputElement && control.checked;
}
