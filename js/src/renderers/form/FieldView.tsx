import { strings } from "../../strings/strings.ts";
import type { Field } from "./fields.ts";

/** Up to so many choices are all shown at once. */
const MAX_RADIOS = 4;

interface FieldViewProps {
  readonly field: Field;
  /** The name of its controls, and the beginning of the ids around them. */
  readonly id: string;
  readonly problem: string | undefined;
}

/** A field of a form, with what it is called and what is wrong with it. */
export function FieldView({ field, id, problem }: FieldViewProps) {
  const { title, description, kind, isRequired } = field;
  const about = [description && `${id}-about`, problem && `${id}-problem`].filter(Boolean).join(" ") || undefined;
  const control = { name: id, "aria-invalid": problem !== undefined, "aria-describedby": about };
  const notes = (
    <>
      {description && (
        <span class="wcn-dim" id={`${id}-about`}>
          {description}
        </span>
      )}
      {problem && (
        <span class="wcn-error-text" id={`${id}-problem`}>
          {problem}
        </span>
      )}
    </>
  );
  if (kind === "choices" || isRadio(field)) {
    return (
      <fieldset class="wcn-field" aria-describedby={about}>
        <legend class="wcn-field-title">{title}</legend>
        <Picks field={field} control={control} />
        {notes}
      </fieldset>
    );
  }
  const isTick = kind === "boolean";
  const label = (
    <label class="wcn-field-title" htmlFor={id}>
      {title}
      {!isTick && !isRequired && <span class="wcn-dim"> {strings.optional}</span>}
    </label>
  );
  return (
    <div class={isTick ? "wcn-field wcn-tick" : "wcn-field"}>
      {!isTick && label}
      <Entry field={field} control={{ ...control, id }} />
      {isTick && label}
      {notes}
    </div>
  );
}

type ControlProps = Readonly<Record<string, string | boolean | undefined>>;

interface EntryProps {
  readonly field: Field;
  readonly control: ControlProps;
}

function Entry({ field, control }: EntryProps) {
  const { kind, schema, isRequired, isNullable, initial } = field;
  const value = initial === undefined || initial === null ? "" : String(initial);
  const entry = {
    ...control,
    autoComplete: "off",
    defaultValue: value,
    required: isRequired && !isNullable && initial !== "",
    minLength: schema.minLength as number,
    maxLength: schema.maxLength as number,
  };
  const limits = { min: schema.minimum as number, max: schema.maximum as number };
  switch (kind) {
    case "boolean":
      return <input type="checkbox" defaultChecked={initial === true} {...control} />;
    case "choice":
      return <Select field={field} control={{ ...control, required: entry.required }} />;
    case "long":
      return <textarea rows={4} {...entry} />;
    case "date":
      return <input type="date" {...entry} />;
    case "text":
      return <input type="text" {...entry} />;
    default:
      return <input type="number" step={kind === "integer" ? 1 : "any"} {...limits} {...entry} />;
  }
}

function Select({ field, control }: EntryProps) {
  const chosen = field.options.findIndex((option) => option.value === field.initial);
  return (
    <select {...control}>
      <option value="" selected={chosen < 0}>
        {strings.choose}
      </option>
      {field.options.map((option, index) => (
        <option key={String(index)} value={index} selected={index === chosen}>
          {option.title}
        </option>
      ))}
    </select>
  );
}

function Picks({ field, control }: EntryProps) {
  const { kind, options, isRequired, initial } = field;
  const isMany = kind === "choices";
  const isOn = (value: unknown) => (isMany && Array.isArray(initial) ? initial.includes(value) : initial === value);
  return (
    <div class="wcn-picks">
      {options.map((option, index) => (
        <label key={String(index)}>
          <input
            type={isMany ? "checkbox" : "radio"}
            value={index}
            defaultChecked={isOn(option.value)}
            required={!isMany && isRequired}
            {...control}
          />
          {option.title}
        </label>
      ))}
    </div>
  );
}

/** What has to be chosen, among few: what need not be has to be undone too, which radio buttons can't. */
function isRadio({ kind, options, isRequired, isNullable }: Field): boolean {
  return kind === "choice" && isRequired && !isNullable && options.length <= MAX_RADIOS;
}
