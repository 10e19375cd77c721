// Builds the dashboard: a page, one script and one style sheet, with hashed names and compressed beforehand, so that
// `velos api` has nothing to do but send them. `node esbuild.config.mjs` calls it.
import { build } from "vite";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** What is worth compressing. */
const TEXT = /\.(?:html|js|css|svg)$/;

/** Compresses a file beside itself, as .br and .gz. */
const compress = async (path) => {
  const content = await readFile(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(content, { params }));
  await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
};

/**
 * Made aside and moved into place file by file, the page last: whoever loads it meanwhile finds what it names.
 * @returns the files that it was made of
 */
export const buildDashboard = async (out) => {
  const made = `${out}.${process.pid}`;
  const sources = [];
  const tellSources = {
    name: "tell-sources",
    generateBundle: (_, chunks) =>
      void sources.push(...Object.values(chunks).flatMap(({ modules }) => Object.keys(modules ?? {}))),
  };
  await build({
    configFile: false,
    plugins: [tellSources],
    root: "src/dashboard",
    // Relative names: the page also works below a path of another server that passes requests on.
    base: "./",
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: resolve(made),
      emptyOutDir: true,
      target: "es2022",
      // Images in the style sheet would need data: in the content security policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
  const files = (await readdir(made, { recursive: true })).filter((file) => TEXT.test(file));
  await Promise.all(files.map((file) => compress(`${made}/${file}`)));

  await mkdir(`${out}/assets`, { recursive: true });
  const assets = await readdir(`${made}/assets`);
  for (const file of assets) await rename(`${made}/assets/${file}`, `${out}/assets/${file}`);
  const top = (await readdir(made)).filter((file) => file !== "assets");
  // index.html after its compressed forms would be as good: a page of before names assets that are removed below.
  for (const file of top) await rename(`${made}/${file}`, `${out}/${file}`);
  for (const file of await readdir(`${out}/assets`)) if (!assets.includes(file)) await rm(`${out}/assets/${file}`);
  await rm(made, { recursive: true });
  return sources;
};
