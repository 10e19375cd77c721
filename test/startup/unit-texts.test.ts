import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Paths } from "../../src/config/paths.ts";
import { resolvePaths } from "../../src/config/paths.ts";
import { MARK, unitTexts } from "../../src/startup/unit-texts.ts";
import type { UnitPlace } from "../../src/startup/unit-texts.ts";

const sources = new URL("../../units/", import.meta.url).pathname;
const source = (file: string): string => readFileSync(`${sources}${file}`, "utf8");

const user = resolvePaths("user", { HOME: "/home/ann", XDG_RUNTIME_DIR: "/run/user/1000" });
const place = (paths: Paths, more: Partial<UnitPlace> = {}): UnitPlace => ({
  paths,
  node: "/usr/bin/node",
  program: "/usr/lib/velos/velosd.cjs",
  environment: {},
  ...more,
});
const lines = (text: string, key: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));

describe("the units that velos startup writes", () => {
  it.each([
    [resolvePaths("system", {}), ""],
    [user, "user/"],
  ] as const)("are those of the packages where the paths are theirs: $scope scope", (paths, folder) => {
    const texts = unitTexts(sources, place(paths));
    expect([...texts.keys()]).toEqual(["velosd.socket", "velosd.service", "velos.slice"]);
    expect(texts.get("velosd.socket")).toBe(`${MARK}\n${source(`${folder}velosd.socket`)}`);
    expect(texts.get("velosd.service")).toBe(`${MARK}\n${source(`${folder}velosd.service`)}`);
    expect(texts.get("velos.slice")).toBe(`${MARK}\n${source("velos.slice")}`);
  });

  it("have the paths of this installation", () => {
    const node = "/home/ann/.nvm/versions/node/v24.1.0/bin/node";
    const program = "/home/ann/.nvm/versions/node/v24.1.0/lib/node_modules/velos/dist/velosd.cjs";
    const text = unitTexts(sources, place(user, { node, program })).get("velosd.service")!;
    const [command] = lines(text, "ExecStart");
    expect(command!.startsWith(`${node} --`)).toBe(true);
    expect(command!.endsWith(` ${program} --user --backend=systemd`)).toBe(true);
    expect(text).not.toContain("/usr/");
  });

  it("quote what the manager would take for something else", () => {
    const program = '/opt/100% "sure"/$HOME/a\\b/velosd.cjs';
    const environment = { XDG_STATE_HOME: "/srv/my state/$x%" };
    const text = unitTexts(sources, place(user, { program, environment })).get("velosd.service")!;
    expect(lines(text, "ExecStart")[0]).toContain(' "/opt/100%% \\"sure\\"/$$HOME/a\\\\b/velosd.cjs" --user');
    expect(lines(text, "Environment")).toContain('"XDG_STATE_HOME=/srv/my state/$x%%"');
  });

  it("put the socket where VELOS_HOME says", () => {
    const paths = resolvePaths("system", { VELOS_HOME: "/srv/velos" });
    const texts = unitTexts(sources, place(paths, { environment: { VELOS_HOME: "/srv/velos" } }));
    const socket = texts.get("velosd.socket")!;
    expect(lines(socket, "ListenStream")).toEqual(["/srv/velos/run/velosd.sock"]);
    expect(lines(socket, "ExecStartPost")[0]).toContain("chgrp velos /srv/velos/run /srv/velos/run/velosd.sock;");
    expect(lines(texts.get("velosd.service")!, "Environment")).toContain("VELOS_HOME=/srv/velos");
    const odd = resolvePaths("system", { VELOS_HOME: "/srv/it's" });
    expect(() => unitTexts(sources, place(odd))).toThrow("/srv/it's/run cannot be written into a unit");
  });
});

describe("the units of velos", () => {
  const services = ["velosd.service", "user/velosd.service"];

  it.each(services)("never take instances with them: %s", (file) => {
    const text = source(file);
    expect(lines(text, "Type")).toEqual(["notify"]);
    // The daemon leaves by itself when it is idle, and must not be dragged back.
    expect(lines(text, "Restart")).toEqual(["on-failure"]);
    // What a velosd that cannot serve ends with; see src/daemon/main.ts.
    expect(lines(text, "RestartPreventExitStatus")).toEqual(["78"]);
    expect(lines(text, "ExecStart")[0]).toMatch(/ --backend=systemd$/);
    for (const key of ["PartOf", "BindsTo", "PropagatesStopTo", "RuntimeDirectory"])
      expect(lines(text, key)).toEqual([]);
  });

  it.each(services)("start nothing that another Node could refuse: %s", (file) => {
    // A flag of V8 that is not there in the next release keeps velosd from starting after an upgrade of Node.
    expect(lines(source(file), "ExecStart")[0]).not.toContain("interrupt-budget");
  });
});
