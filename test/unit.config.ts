import { defineConfig } from "vitest/config";

export default defineConfig({
  // The package's module form imports a directory, which only a bundler understands.
  resolve: {
    alias: { clipanion: new URL("../node_modules/clipanion/lib/advanced/index.js", import.meta.url).pathname },
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/integration/**", "test/system/**", "test/vm/**", "test/bench/**", "node_modules/**"],
    testTimeout: 30_000,
  },
});
