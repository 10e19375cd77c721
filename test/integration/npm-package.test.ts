import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// What `npm publish` would send, installed as a user installs it: no sources, no devDependencies, no registry.
const root = join(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

interface Packed {
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

let directory: string;
let packed: Packed;

const npm = (...args: string[]): string =>
  execFileSync("npm", [...args, "--silent", "--offline", "--ignore-scripts"], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, npm_config_cache: join(directory, "cache") },
  });

const velos = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(join(directory, "prefix/bin/velos"), args, {
    cwd: directory,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: directory, VELOS_HOME: directory, VELOS_BACKEND: "spawn", NO_COLOR: "1" },
  });

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "velos-npm-"));
  [packed] = JSON.parse(npm("pack", "--json", "--pack-destination", directory)) as [Packed];
  npm("install", "--global", "--prefix", join(directory, "prefix"), join(directory, packed.filename));
});
afterAll(() => {
  velos("delete", "all");
  velos("kill");
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

describe("the npm package", () => {
  it("holds what runs, the manual and the licences, and nothing else", () => {
    const { size, unpackedSize, files } = packed;
    console.log(`${packed.filename}: ${files.length} files, ${size} bytes, unpacked ${unpackedSize}`);
    const paths = files.map(({ path }) => path);
    const expected =
      /^(?:package\.json|README\.md|LICENSE|dist\/[a-z0-9-]+\.cjs|dist\/velos-run|dist\/NOTICES\.txt|dist\/man\/[a-z.]+\.[158]|dist\/completions\/[a-z._]+|dist\/(?:dashboard|docs)\/[^.].*|dist\/units\/(?:user\/)?velos\w*\.(?:service|socket|slice))$/;
    expect(paths.filter((path) => !expected.test(path))).toEqual([]);
    expect(paths).toEqual(
      expect.arrayContaining([
        ...["velos", "velosd", "cli", "keeper", "preload", "http", "metrics", "mcp", "monit", "telemetry"].map(
          (name) => `dist/${name}.cjs`,
        ),
        ...["velos.1", "velos.toml.5", "velosd.8"].map((page) => `dist/man/${page}`),
        ...["velos", "_velos", "velos.fish"].map((script) => `dist/completions/${script}`),
        "dist/velos-run",
        "dist/dashboard/index.html",
        "dist/units/velosd.service",
        "dist/units/user/velosd.service",
        "README.md",
        "LICENSE",
        "dist/NOTICES.txt",
      ]),
    );
    for (const path of paths) expect(path).not.toMatch(/\.(?:map|ts|tsx)$|^test\/|\/\.|~$/);
  });

  it("brings no other package with it", () => {
    const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
      readFileSync(join(directory, "prefix/lib/node_modules/velos/package.json"), "utf8"),
    ) as Record<string, unknown>;
    expect([dependencies, optionalDependencies, peerDependencies]).toEqual([undefined, undefined, undefined]);
    expect(existsSync(join(directory, "prefix/lib/node_modules/velos/node_modules"))).toBe(false);
  });

  it("installs velos, velosd and the manual", () => {
    expect(velos("--version")).toEqual(expect.objectContaining({ status: 0, stdout: `${version}\n`, stderr: "" }));
    const help = execFileSync(join(directory, "prefix/bin/velosd"), ["--help"], { encoding: "utf8" });
    const page = readFileSync(join(directory, "prefix/share/man/man8/velosd.8"), "utf8");
    expect(page).toContain(`"velos ${version}"`);
    for (const [option] of help.matchAll(/--[a-z]+/g)) expect(page).toContain(option.replaceAll("-", "\\-"));
    for (const name of ["man1/velos.1", "man5/velos.toml.5"])
      expect(readFileSync(join(directory, "prefix/share/man", name), "utf8")).toContain(version);
  });

  it("runs apps", () => {
    writeFileSync(join(directory, "app.js"), "setInterval(() => {}, 1000);");
    expect(velos("start", "app.js", "-i", "2")).toMatchObject({ status: 0, stderr: "" });
    const { apps } = JSON.parse(velos("list", "--json").stdout) as { apps: { name: string; online: number }[] };
    expect(apps).toEqual([expect.objectContaining({ name: "app", online: 2 })]);
    expect(velos("metrics", "--once").stdout).toContain("velos_up 1\n");
    expect(velos("completions", "fish").stdout).toBe(
      readFileSync(join(directory, "prefix/lib/node_modules/velos/dist/completions/velos.fish"), "utf8"),
    );
    expect(velos("delete", "app").status).toBe(0);
  });
});
