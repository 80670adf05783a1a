// Bundles the entries into ../webchat_nb/static. `--watch` rebuilds on change, `--check-size` only measures.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

/** Hard limits. The widget's code travels in every widget's state, once per instance; Markdown's is loaded once. */
const MAX_BYTES = { "widget.js": 150_000, "markdown.js": 90_000 };
/** Goal G11, for the widget: told, not enforced. */
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
const markdown = { ...common, entryPoints: { markdown: "src/markdown/markdown.ts" } };

/** The widget names the Markdown module that it was built with by its digest. */
function naming(digest) {
  const define = { ...common.define, __MARKDOWN_DIGEST__: JSON.stringify(digest) };
  return [
    { ...common, define, entryPoints: { widget: "src/widget.ts", page: "src/page.ts" } },
    { ...common, entryPoints: { widget: "src/styles/widget.css" } },
  ];
}

async function build(options) {
  return (await esbuild.build({ ...options, write: false })).outputFiles;
}

function report(file) {
  const name = basename(file.path);
  const gzipBytes = gzipSync(file.contents, { level: 9 }).length;
  const isTooLarge = file.contents.length >= (MAX_BYTES[name] ?? Number.POSITIVE_INFINITY);
  const isOverGoal = name === "widget.js" && gzipBytes > GOAL_GZIP_BYTES;
  if (isTooLarge) process.exitCode = 1;
  const verdict = isTooLarge ? "  TOO LARGE" : isOverGoal ? `  (goal: ${GOAL_GZIP_BYTES / 1024} KB gz)` : "";
  console.log(`${name.padEnd(11)} ${file.contents.length} bytes, ${(gzipBytes / 1024).toFixed(1)} KB gz${verdict}`);
}

if (mode === "--watch") {
  for (const each of [markdown, ...naming("watched")])
    await (await esbuild.context({ ...each, sourcemap: "inline" })).watch();
  console.log("watching src/");
} else {
  const [chunk] = await build(markdown);
  const digest = createHash("sha256").update(chunk.contents).digest("hex").slice(0, 16);
  const files = [chunk, ...(await Promise.all(naming(digest).map(build))).flat()];
  if (mode === "--write") {
    await mkdir(outdir, { recursive: true });
    await Promise.all(files.map((file) => writeFile(file.path, file.contents)));
  }
  files.forEach(report);
}
