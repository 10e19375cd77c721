import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// The package as a file; what becomes of a system that it is installed on is tested in a container.
const root = join(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
// On a developer's machine what can be done there; in CI all of it.
const onDebian = process.env["CI"] === "true" || has("dpkg-deb");
const withLintian = process.env["CI"] === "true" || has("lintian");

let directory: string;
let deb: string;

const build = (out: string): string =>
  execFileSync(join(root, "packaging/deb/build"), ["--dist", join(directory, "dist"), "--out", join(directory, out)], {
    encoding: "utf8",
    env: { ...process.env, SOURCE_DATE_EPOCH: "1800000000" },
  }).trim();
const dpkgDeb = (...args: string[]): string =>
  execFileSync("dpkg-deb", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
const contents = (): string[] => dpkgDeb("--contents", deb).trimEnd().split("\n");

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "velos-deb-"));
  // Whoever builds meanwhile changes nothing here.
  cpSync(join(root, "dist"), join(directory, "dist"), { recursive: true });
  if (onDebian) deb = build("one");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

if (onDebian)
  describe("the Debian package", () => {
    it("is the same, byte for byte, when it is made again", () => {
      const again = build("two");
      console.log(`${deb.split("/").at(-1)}: ${readFileSync(deb).length} bytes`);
      expect(readFileSync(again).equals(readFileSync(deb))).toBe(true);
    });

    it("says what it is, and what it needs", () => {
      expect(dpkgDeb("--field", deb, "Package", "Version", "Architecture")).toBe(
        `Package: velos\nVersion: ${version.replace("-", "~")}\nArchitecture: all\n`,
      );
      expect(dpkgDeb("--field", deb, "Depends")).toContain("nodejs (>= 20.19)");
      const engines = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { engines: { node: string } };
      expect(engines.engines.node).toBe(">=20.19");
    });

    it("puts everything where Debian looks for it, owned by root", () => {
      const lines = contents();
      const paths = lines.map((line) => line.split(/\s+/)[5]!.slice(1));
      expect(lines.filter((line) => line.split(/\s+/)[1] !== "root/root")).toEqual([]);
      expect(lines.filter((line) => /^-[rwx-]{4}w|^-[rwx-]{7}w/.test(line))).toEqual([]);
      expect(paths).toEqual(
        expect.arrayContaining([
          "/usr/bin/velos",
          "/usr/bin/velos-run",
          "/usr/lib/velos/velos-run",
          "/usr/sbin/velosd",
          "/usr/lib/velos/preload.cjs",
          "/usr/lib/velos/dashboard/index.html",
          "/usr/lib/systemd/system/velosd.socket",
          "/usr/lib/systemd/system/velosd.service",
          "/usr/lib/systemd/system/velos.slice",
          "/usr/lib/systemd/user/velosd.service",
          "/usr/lib/sysusers.d/velos.conf",
          "/usr/share/man/man1/velos.1.gz",
          "/usr/share/man/man5/velos.toml.5.gz",
          "/usr/share/man/man8/velosd.8.gz",
          "/usr/share/bash-completion/completions/velos",
          "/usr/share/zsh/vendor-completions/_velos",
          "/usr/share/fish/vendor_completions.d/velos.fish",
          "/usr/share/doc/velos/copyright",
          "/usr/share/doc/velos/changelog.gz",
        ]),
      );
      expect(paths.filter((path) => /\.(?:map|ts)$|node_modules/.test(path))).toEqual([]);
      expect(paths.filter((path) => !/^\/$|^\/usr\//.test(path))).toEqual([]);
    });

    it("has units whose programs are in it, and programs that run with the Node it depends on", () => {
      const tree = join(directory, "tree");
      dpkgDeb("--extract", deb, tree);
      for (const unit of ["system/velosd.service", "user/velosd.service"]) {
        const [, node, program] = /^ExecStart=(\S+) .*?(\S+\.cjs) /m.exec(
          readFileSync(join(tree, "usr/lib/systemd", unit), "utf8"),
        )!;
        expect(node).toBe("/usr/bin/node");
        expect(readFileSync(join(tree, program!), "utf8")).toMatch(/^#!\/usr\/bin\/node --\n/);
      }
      const run = execFileSync(process.execPath, [join(tree, "usr/bin/velos"), "--version"], { encoding: "utf8" });
      expect(run).toBe(`${version}\n`);
    });
  });

if (withLintian)
  it("lintian has nothing to say about it", () => {
    const { stdout, stderr } = spawnSync("lintian", ["--allow-root", "--fail-on=error", deb], { encoding: "utf8" });
    expect(stdout + stderr).toBe("");
  });
