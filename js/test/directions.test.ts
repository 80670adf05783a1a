import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/** What each room may import from, beside itself. `entries` are the files directly in src/. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  strings: [],
  markdown: ["strings"],
  protocol: ["contracts"],
  store: ["protocol"],
  connection: ["protocol"],
  client: ["protocol", "store", "connection", "markdown"],
  renderers: ["protocol", "store", "markdown", "strings"],
  ui: ["protocol", "store", "connection", "client", "renderers", "markdown", "strings"],
  entries: ["protocol", "connection", "client", "ui", "markdown"],
};

const FILES = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));

function roomOf(path: string): string {
  return path.includes("/") ? (path.split("/")[0] ?? "") : "entries";
}

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)].map((match) => match[1] ?? "");
}

test("imports point one way: protocol ← store ← renderers ← ui ← entries, connection and client beside them", () => {
  expect(FILES.length).toBeGreaterThan(50);
  const wrong = FILES.flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith("."))
      .map((name) => roomOf(relative(SRC, resolve(SRC, dirname(file), name))))
      .filter((room) => room !== roomOf(file) && !ALLOWED[roomOf(file)]?.includes(room))
      .map((room) => `${file} → ${room}`),
  );
  expect(wrong).toEqual([]);
});

test("protocol, store, connection and client know no view library; protocol and store no DOM", () => {
  const plain = FILES.filter((file) => ["protocol", "store", "connection", "client"].includes(roomOf(file)));
  expect(plain.filter((file) => importsOf(file).some((name) => name.includes("preact")))).toEqual([]);
  const pure = plain.filter((file) => ["protocol", "store"].includes(roomOf(file)));
  const touching = pure.filter((file) =>
    /\b(document|window|WebSocket|fetch|sessionStorage)\b[.(]/.test(readFileSync(join(SRC, file), "utf8")),
  );
  expect(touching).toEqual([]);
});

test("[MG7] what reads Markdown is not in the widget: only the page takes more of it than its port", () => {
  const outside = FILES.filter((file) => roomOf(file) !== "markdown" && file !== "page.ts");
  const takers = outside.filter((file) => importsOf(file).some((name) => /markdown\/(?!port\.ts)\w+\.ts$/.test(name)));
  expect(takers).toEqual([]);
});
