// Bundles the two entries into ../webchat_nb/static. `--watch` rebuilds on change, `--check-size` only measures.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

/** The widget's code travels in every widget's state, once per instance: a hard limit. */
const MAX_WIDGET_BYTES = 150_000;
/** Goal G11: told, not enforced. */
const GOAL_GZIP_BYTES = 45 * 1024;

const mode = process.argv[2] ?? "--write";
const outdir = fileURLToPath(new URL("../webchat_nb/static/", import.meta.url));
const { version } = JSON.parse(await readFile(new URL("package.json", import.meta.url), "utf8"));

const common = {
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  outdir,
  bundle: true,
  minify: mode !== "--watch",
  format: "esm",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { __WEBCHAT_VERSION__: JSON.stringify(version) },
  logLevel: "warning",
};
const builds = [
  { ...common, entryPoints: { widget: "src/widget.ts", page: "src/page.ts" } },
  { ...common, entryPoints: { widget: "src/styles/widget.css" } },
];

function report(file) {
  const name = basename(file.path);
  const gzipBytes = gzipSync(file.contents, { level: 9 }).length;
  const isTooLarge = name === "widget.js" && file.contents.length >= MAX_WIDGET_BYTES;
  const isOverGoal = name === "widget.js" && gzipBytes > GOAL_GZIP_BYTES;
  if (isTooLarge) process.exitCode = 1;
  const verdict = isTooLarge ? "  TOO LARGE" : isOverGoal ? `  (goal: ${GOAL_GZIP_BYTES / 1024} KB gz)` : "";
  console.log(`${name.padEnd(11)} ${file.contents.length} bytes, ${(gzipBytes / 1024).toFixed(1)} KB gz${verdict}`);
}

if (mode === "--watch") {
  for (const each of builds) await (await esbuild.context({ ...each, sourcemap: "inline" })).watch();
  console.log("watching src/");
} else {
  const results = await Promise.all(builds.map((each) => esbuild.build({ ...each, write: false })));
  const files = results.flatMap((result) => result.outputFiles);
  if (mode === "--write") {
    await mkdir(outdir, { recursive: true });
    await Promise.all(files.map((file) => writeFile(file.path, file.contents)));
  }
  files.forEach(report);
}
