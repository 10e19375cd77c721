// Bundles the programs: one CommonJS file each, because Node starts a CommonJS file about 10 ms sooner than a module,
// and because what a command does not load must not be read from disk either.
import { build } from "esbuild";
import { chmod, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";

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

// Packages that velosd rarely needs: files of their own, so that their text is not in its memory.
const apart = ["systeminformation", "chokidar", "croner"];
const vendorsApart = {
  name: "vendors-apart",
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^(${apart.join("|")})$`) }, ({ path, kind }) =>
      kind === "dynamic-import" ? { path: `./${path}.cjs`, external: true } : undefined,
    );
  },
};
await build({ ...common, entryPoints: apart, outdir: made, outExtension: { ".js": ".cjs" } });

await build({
  ...common,
  plugins: [vendorsApart],
  entryPoints: { velos: "src/cli/main.ts", velosd: "src/daemon/main.ts" },
  outdir: made,
  outExtension: { ".js": ".cjs" },
  sourcemap: "linked",
  banner: { js: "#!/usr/bin/env node" },
});
// Every instance loads it: without its comments, which are half of it.
await build({
  entryPoints: ["src/preload/preload.cjs"],
  outfile: `${made}/preload.cjs`,
  platform: "node",
  target: "node20.19",
  minify: true,
  logLevel: "warning",
});
for (const file of await readdir(made)) {
  if (file === "velos.cjs" || file === "velosd.cjs") await chmod(`${made}/${file}`, 0o755);
  await rename(`${made}/${file}`, `dist/${file}`);
}
await rm(made, { recursive: true });
