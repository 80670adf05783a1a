import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  define: { __WEBCHAT_VERSION__: JSON.stringify("test"), __MARKDOWN_DIGEST__: JSON.stringify("test") },
  test: { include: ["test/**/*.test.{ts,tsx}"], restoreMocks: true, unstubGlobals: true },
});
