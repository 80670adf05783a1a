import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { strings } from "../../strings/strings.ts";
import { FieldView } from "./FieldView.tsx";
import { type Field, fieldsOf } from "./fields.ts";
import { prettyJson } from "./json.ts";
import { type Control, type FindControls, readFields, readText } from "./values.ts";

interface FormProps {
  /** The JSON text of a JSON Schema of an object. What no fields can be made of is written as JSON. */
  readonly schema: string;
  /** The JSON text of what is there already. */
  readonly values?: string;
  /** Whether the user asked for the form just now. */
  readonly takesFocus?: boolean;
  readonly label: string;
  /** Takes the JSON text of the object that was filled in, and whether it is another one than at the beginning. */
  readonly onSubmit: (json: string, isChanged: boolean) => void;
  /** The buttons; one of them submits. */
  readonly children: ComponentChildren;
}

/** Asks for an object. What is typed stays in its controls until the form is taken away. */
export function Form({ schema, values = "", takesFocus = false, label, onSubmit, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  // Two views on one page may show the same question.
  const id = useMemo(() => `wcn-${Math.random().toString(36).slice(2)}`, []);
  const fields = useMemo(() => fieldsOf(schema, values), [schema, values]);
  const find: FindControls = (name) => [...(form.current?.querySelectorAll<Control>(`[name="${name}"]`) ?? [])];
  const read = () => (fields ? readFields(fields, id, find) : readText(`${id}-0`, find));
  const untouched = useRef<string | null>(null);
  useEffect(() => {
    const reading = read();
    untouched.current = "json" in reading ? reading.json : null;
    if (takesFocus) find(`${id}-0`)[0]?.focus();
  }, []);

  const submit = (event: Event) => {
    event.preventDefault();
    const reading = read();
    const found = "json" in reading ? new Map<string, string>() : reading.problems;
    setProblems(found);
    if ("json" in reading) onSubmit(reading.json, reading.json !== untouched.current);
    else find([...found.keys()][0] ?? "")[0]?.focus();
  };
  const shown = fields ?? [writtenField(values)];
  return (
    <form class="wcn-form" ref={form} noValidate aria-label={label} onSubmit={submit}>
      {shown.map((field, index) => (
        <FieldView key={field.name} field={field} id={`${id}-${index}`} problem={problems.get(`${id}-${index}`)} />
      ))}
      {children}
    </form>
  );
}

/** Everything in one field, as JSON. */
function writtenField(values: string): Field {
  return {
    name: "",
    title: strings.asJson,
    description: "",
    kind: "long",
    isRequired: true,
    isNullable: false,
    options: [],
    schema: {},
    initial: values ? prettyJson(values) : "{}",
  };
}
