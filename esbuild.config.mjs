// Bundles the programs: one CommonJS file each, because Node starts a CommonJS file about 10 ms sooner than a module,
// and because what a command does not load must not be read from disk either.
import * as esbuild from "esbuild";
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { bundledFiles, noticesOf } from "./packaging/notices.mjs";
import { buildDashboard } from "./vite.config.mjs";

// Another version of the same sources is what a test of upgrades needs.
const { version } = process.env.VELOS_VERSION
  ? { version: process.env.VELOS_VERSION }
  : JSON.parse(await readFile("package.json", "utf8"));

// Made aside and moved into place file by file: whatever runs from dist meanwhile finds the old file or the new one.
const out = process.argv[2] ?? "dist";
const made = `${out}.${process.pid}`;
await mkdir(made);
await mkdir(out, { recursive: true });

/** The licences of what is bundled. */
const NOTICES = "NOTICES.txt";
/** Everything that is in one of the bundles. */
const bundled = [];
const build = async (options) => bundled.push(...bundledFiles(await esbuild.build({ ...options, metafile: true })));

const common = {
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "cjs",
  // What is imported late is required late: Node's loader for modules costs more than all else of a command.
  supported: { "dynamic-import": false },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  logLevel: "warning",
  define: { VELOS_VERSION: JSON.stringify(version) },
};

/** What of the parts of typebox is not used is left out: it has no effect of its own, and does not say so. */
const onlyWhatIsUsed = {
  name: "only-what-is-used",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^typebox|^\..*\.mjs$/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === "seen" || !(path.startsWith("typebox") || /node_modules.typebox/.test(from.resolveDir)))
        return;
      const found = await resolve(path, { ...from, pluginData: "seen" });
      return { ...found, sideEffects: false };
    });
  },
};
/**
 * What the D-Bus library reads and writes descriptions of objects with is a tenth of velosd's text. velos asks for none,
 * and to who asks for its own, it says that there is nothing.
 */
const withoutXml = {
  name: "without-xml",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^fast-xml-(parser|builder)$/ }, ({ path }) => ({ path, namespace: "left-out" }));
    const contents = 'export class XMLParser {} export default class { build() { return "<node/>"; } }';
    onLoad({ filter: /./, namespace: "left-out" }, () => ({ contents }));
  },
};

// What is rarely needed: files of their own, so that their text is not in velosd's memory, and not read by `velos list`.
const apart = {
  systeminformation: "systeminformation",
  croner: "croner",
  re2js: "re2js",
  "prepare-apps": "src/cli/prepare-apps.ts",
  asked: "src/backend/systemd/asked.ts",
  names: "src/cli/completions/names.ts",
  "ask-for-names": "src/cli/completions/ask-for-names.ts",
  "plain-list": "src/cli/plain-list.ts",
  // Named after their folders: `import("../metrics/main.ts")` is metrics.cjs.
  metrics: "src/metrics/main.ts",
  monit: "src/cli/monit/main.ts",
  mcp: "src/mcp/main.ts",
  http: "src/http/main.ts",
  import: "src/import/main.ts",
  export: "src/export/main.ts",
  foreground: "src/foreground/main.ts",
  startup: "src/startup/main.ts",
  "start-job": "src/client/start-job.ts",
  "load-telemetry": "src/config/load-telemetry.ts",
  "load-scope": "src/config/load-scope.ts",
};
// Loaded by velosd when an endpoint is configured: of each protocol its own.
const telemetry = {
  telemetry: "src/telemetry/main.ts",
  "otlp-grpc": "src/telemetry/otlp-grpc.ts",
  "otlp-http": "src/telemetry/otlp-http.ts",
  "send-metrics": "src/telemetry/send-metrics.ts",
};
// Loaded by velos.cjs and velosd.cjs from what was compiled before.
const programs = { cli: "src/cli/cli.ts", daemon: "src/daemon/daemon.ts" };
const keptApart = {
  name: "kept-apart",
  setup({ onResolve }) {
    // A package by its name, a file of our own by where it is: `http` is not src/http/main.ts.
    const names = new Map(
      Object.entries({ ...apart, ...telemetry, ...programs }).map(([name, entry]) => [entry, name]),
    );
    onResolve({ filter: /./ }, ({ path, kind, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const name = names.get(path.startsWith(".") ? relative(".", resolve(resolveDir, path)) : path);
      return name && { path: `./${name}.cjs`, external: true };
    });
  },
};
const plugins = [keptApart, onlyWhatIsUsed, withoutXml];
await build({ ...common, plugins, entryPoints: apart, outdir: made, outExtension: { ".js": ".cjs" } });
await build({
  ...common,
  plugins,
  entryPoints: telemetry,
  // Their module form, of which the bundler leaves out what is not used: a fifth of it.
  mainFields: ["module", "main"],
  // For a service of gRPC's own that nobody asks for; loaded by it only then.
  external: ["@grpc/proto-loader"],
  outdir: made,
  outExtension: { ".js": ".cjs" },
});

await build({
  ...common,
  plugins,
  // The parser's module form, which comes without what velos does not use of it; its validator is never asked for.
  alias: { clipanion: "./node_modules/clipanion/lib/advanced/index.mjs" },
  external: ["typanion"],
  // The parser opens stdin when it is loaded, which costs 3 ms and serves nobody.
  define: { ...common.define, "process.stdin": "undefined" },
  entryPoints: { velos: "src/cli/main.ts", velosd: "src/daemon/main.ts", ...programs },
  outdir: made,
  outExtension: { ".js": ".cjs" },
  sourcemap: "linked",
});
// What holds listening sockets without an init system; it is there for long, and is to be small.
await build({
  ...common,
  entryPoints: { keeper: "src/backend/spawn/keeper/main.ts" },
  outdir: made,
  outExtension: { ".js": ".cjs" },
});
// Every instance loads it: without its comments, which are half of it.
await build({
  entryPoints: ["src/preload/preload.cjs"],
  outfile: `${made}/preload.cjs`,
  platform: "node",
  // A module's names are its own, and can be short.
  format: "cjs",
  target: "node20.19",
  minify: true,
  logLevel: "warning",
});
// The manual and the completions, by a program of their own that is not shipped: `velos list` does not read what makes them.
const documents = `${made}/documents.cjs`;
await esbuild.build({
  ...common,
  entryPoints: ["src/cli/write-documents.ts"],
  external: ["typanion"],
  outfile: documents,
});
execFileSync(process.execPath, [documents, made]);
await rm(documents);

await cp("src/foreground/velos-run.sh", `${made}/velos-run`);
for (const program of ["velos.cjs", "velosd.cjs", "velos-run"]) await chmod(`${made}/${program}`, 0o755);
for (const directory of [".", "man", "completions"]) {
  await mkdir(`${out}/${directory}`, { recursive: true });
  const files = (await readdir(`${made}/${directory}`, { withFileTypes: true })).filter((entry) => entry.isFile());
  for (const { name } of files) await rename(`${made}/${directory}/${name}`, `${out}/${directory}/${name}`);
  // What an earlier build made and this one does not would be shipped with it.
  for (const entry of await readdir(`${out}/${directory}`, { withFileTypes: true }))
    if (entry.isFile() && entry.name !== NOTICES && !files.some(({ name }) => name === entry.name))
      await rm(`${out}/${directory}/${entry.name}`);
}
await rm(made, { recursive: true });
// The page at /docs is as it is written.
await cp("src/http/docs", `${out}/docs`, { recursive: true });
// `velos startup` writes them with the paths of this installation.
await cp("units", `${out}/units`, { recursive: true });
bundled.push(...(await buildDashboard(`${out}/dashboard`)));
await writeFile(`${out}/${NOTICES}`, await noticesOf(bundled));
