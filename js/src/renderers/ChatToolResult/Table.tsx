import { useMemo } from "preact/hooks";
import { strings } from "../../strings/strings.ts";
import { isObject, type Json } from "../form/json.ts";

/** A cell with more may be cut off, and shows all of it to a pointer. */
const LONG_CHARS = 40;

interface Column {
  readonly name: string;
  readonly isNumber: boolean;
}

interface TableData {
  readonly columns: readonly Column[];
  readonly rows: readonly Json[];
  readonly totalRows: number;
}

/** A table that a tool gave: scrolls in its own box, and says how much of it is shown. */
export function Table({ text }: { readonly text: string }) {
  const table = useMemo(() => readTable(text), [text]);
  if (!table) return null;
  const { columns, rows, totalRows } = table;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller must be reachable by keyboard */}
      <section class="wcn-table" tabIndex={0} aria-label={strings.table}>
        <table>
          <thead>
            <tr>
              {columns.map(({ name, isNumber }) => (
                <th key={name} scope="col" data-number={isNumber || undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={String(index)}>
                {columns.map(({ name, isNumber }) => (
                  <Cell key={name} words={wordsOf(row[name])} isNumber={isNumber} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <div class="wcn-dim">{strings.rows(rows.length, totalRows)}</div>
    </>
  );
}

function Cell({ words, isNumber }: { readonly words: string; readonly isNumber: boolean }) {
  return (
    <td data-number={isNumber || undefined} title={words.length > LONG_CHARS ? words : undefined}>
      {words}
    </td>
  );
}

/** A table's JSON text (`schema.fields`, `data`, `total_rows`); null when it is something else. */
export function readTable(text: string): TableData | null {
  try {
    const table: unknown = JSON.parse(text, asWritten);
    if (!isObject(table) || !isObject(table.schema)) return null;
    const { fields } = table.schema;
    if (!Array.isArray(fields) || !Array.isArray(table.data)) return null;
    const columns = fields.filter(isObject).map(({ name, type }) => ({
      name: String(name),
      isNumber: type === "integer" || type === "number",
    }));
    const rows = table.data.filter(isObject);
    const totalRows = Number(table.total_rows ?? rows.length);
    return { columns, rows, totalRows };
  } catch {
    return null;
  }
}

/** Numbers as they were written, where the browser tells: a long one would become another. */
function asWritten(this: unknown, _: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" ? (context?.source ?? value) : value;
}

function wordsOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
