// Bundles the programs: one CommonJS file each, because Node starts a CommonJS file about 10 ms sooner than a module,
// and because what a command does not load must not be read from disk either.
import { build } from "esbuild";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";

const { version } = JSON.parse(await readFile("package.json", "utf8"));

// Made aside and moved into place file by file: whatever runs from dist meanwhile finds the old file or the new one.
const made = `dist.${process.pid}`;
await mkdir(made);
await mkdir("dist", { recursive: true });

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
  outdir: made,
  outExtension: { ".js": ".cjs" },
  sourcemap: "linked",
  banner: { js: "#!/usr/bin/env node" },
});
await copyFile("src/preload/preload.cjs", `${made}/preload.cjs`);
for (const file of await readdir(made)) {
  if (file === "velos.cjs" || file === "velosd.cjs") await chmod(`${made}/${file}`, 0o755);
  await rename(`${made}/${file}`, `dist/${file}`);
}
await rm(made, { recursive: true });
