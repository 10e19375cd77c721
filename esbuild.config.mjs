// Bundles the programs: one CommonJS file each, because Node starts a CommonJS file about 10 ms sooner than a module,
// and because what a command does not load must not be read from disk either.
import { build } from "esbuild";
import { chmod, readFile, rm } from "node:fs/promises";

const { version } = JSON.parse(await readFile("package.json", "utf8"));
await rm("dist", { recursive: true, force: true });

const common = {
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  logLevel: "warning",
  define: { VELOS_VERSION: JSON.stringify(version) },
};

await build({
  ...common,
  entryPoints: { velos: "src/cli/main.ts", velosd: "src/daemon/main.ts" },
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  sourcemap: "linked",
  banner: { js: "#!/usr/bin/env node" },
});
await Promise.all(["dist/velos.cjs", "dist/velosd.cjs"].map((file) => chmod(file, 0o755)));
