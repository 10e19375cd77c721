import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commandLineOf, environmentOf } from "./environ.ts";
import { useScene } from "./scene.ts";
import { property, shownInstances, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();

const AWKWARD = [
  "two words",
  "",
  " space around ",
  "it's",
  'say "hi"',
  "$HOME",
  "${HOME}",
  "$$",
  "%n",
  "100%",
  "%%",
  "first line\nsecond line\n",
  "tab\there",
  "back\\slash \\n \\x41",
  "naïve 漢字 🚀",
  "; rm -rf /tmp/nothing",
  "`date` $(date)",
  "*?[a-z]{1,2}",
  "#comment",
  "--flag=value",
  "-x",
  "@:-+!",
];

/** Writes what it was given to a file, as JSON, and stays. */
const teller = (): string =>
  scene.write(
    "tell.cjs",
    `const { writeFileSync, renameSync } = require("node:fs");
     const file = ${JSON.stringify(scene.path("told-"))} + process.pid;
     writeFileSync(file + ".tmp", JSON.stringify({ args: process.argv.slice(2), env: process.env }));
     renameSync(file + ".tmp", file);
     setInterval(() => {}, 1e6);`,
  );

const told = async (app: string): Promise<{ args: string[]; env: Record<string, string> }> => {
  const pid = (await scene.pids(app))[0]!;
  return until("the program tells", () => {
    try {
      return JSON.parse(readFileSync(scene.path(`told-${pid}`), "utf8")) as {
        args: string[];
        env: Record<string, string>;
      };
    } catch {
      return undefined;
    }
  });
};

const variables = Object.fromEntries(AWKWARD.map((value, index) => [`AWKWARD_${index}`, value]));

describe("awkward but valid", () => {
  it("arguments reach the process unchanged, and again after a restart", async () => {
    await scene.must("start", teller(), "--name", "teller", "--", ...AWKWARD);
    expect((await told("teller")).args).toEqual(AWKWARD);
    await scene.must("restart", "teller");
    expect((await told("teller")).args).toEqual(AWKWARD);
  });

  it("arguments of a velos.toml reach the process unchanged", async () => {
    teller();
    const quoted = AWKWARD.map((value) => JSON.stringify(value)).join(", ");
    scene.write("velos.toml", `[apps.teller]\nscript = "tell.cjs"\nargs = [${quoted}]\n`);
    await scene.must("start", "--config", "velos.toml");
    expect((await told("teller")).args).toEqual(AWKWARD);
  });

  it("values of variables reach the process unchanged, from --env and from velos.toml", async () => {
    const flags = Object.entries(variables).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    await scene.must("start", teller(), "--name", "teller", ...flags);
    expect((await told("teller")).env).toMatchObject(variables);

    const lines = Object.entries(variables).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
    scene.write("velos.toml", `[apps.told]\nscript = "tell.cjs"\n[apps.told.env]\n${lines.join("\n")}\n`);
    await scene.must("start", "--config", "velos.toml");
    expect((await told("told")).env).toMatchObject(variables);
  });

  it("values of an env file reach the process unchanged, and are not in systemctl show", async () => {
    const lines = Object.entries(variables).map(
      ([name, value]) => `${name}=${JSON.stringify(value).replaceAll("$", "\\$")}`,
    );
    const file = scene.write("secrets.env", `${lines.join("\n")}\nTOKEN='s3cr3t $x'\n`);
    await scene.must("start", teller(), "--name", "teller", "--env-file", file);
    const { env } = await told("teller");
    expect(env["TOKEN"]).toBe("s3cr3t $x");
    expect(env).toMatchObject(variables);
    expect(await systemctl("show", "velos-teller@0")).not.toContain("s3cr3t");
  });

  it("a command line in quotes is taken apart as a shell would, without expanding anything", async () => {
    teller();
    await scene.must("start", `${process.execPath} tell.cjs 'two words' $HOME "it's"`, "--name", "teller");
    expect((await told("teller")).args).toEqual(["two words", "$HOME", "it's"]);
  });

  it("names with - _ . are apps like any other", async () => {
    for (const name of ["a-b", "a_b", "a.b", "A-b_c.d-1", "0"]) await scene.must("start", "sleep 1000", "--name", name);
    expect((await scene.list()).map(({ name, online }) => `${name} ${online}`).sort()).toEqual(
      ["0 1", "A-b_c.d-1 1", "a-b 1", "a.b 1", "a_b 1"].sort(),
    );
    const before = await scene.pids("a-b");
    await scene.must("kill");
    expect(await scene.pids("a-b")).toEqual(before);
    for (const name of ["a_b", "a.b", "A-b_c.d-1", "0"]) {
      await scene.must("restart", `${name}:0`);
      await scene.must("stop", name);
      await scene.must("delete", name);
    }
    expect([...(await shownInstances()).keys()]).toEqual(["velos-a-b@0.service"]);
  });

  it("api and api-web are two apps: own slices, own logs, own fate", async () => {
    const script = scene.script("say.sh", 'echo "this is $VELOS_APP"', "exec sleep 1000");
    await scene.must("start", script, "--name", "api", "-i", "2");
    await scene.must("start", script, "--name", "api-web", "-i", "2");
    expect(await property("velos-api@0", "Slice")).toBe("velos-api.slice");
    expect(await property("velos-api-web@0", "Slice")).toBe("velos-api\\x2dweb.slice");
    expect(await property("velos-api-web@0", "ControlGroup")).toContain("/velos.slice/velos-api\\x2dweb.slice/");

    const lines = async (app: string): Promise<string> => (await scene.must("logs", app, "-n", "100")).stdout;
    await until("both have spoken", async () => (await lines("api-web")).match(/this is/g)?.length === 2);
    expect(await lines("api")).not.toContain("api-web");
    expect(await lines("api-web")).not.toMatch(/this is api$/m);

    const other = await scene.pids("api-web");
    await scene.must("delete", "api");
    expect((await scene.list()).map(({ name }) => name)).toEqual(["api-web"]);
    expect(await scene.pids("api-web")).toEqual(other);
  });

  it("an instance has a small environment of its own, not the caller's", async () => {
    scene.env["CALLERS_OWN"] = "x";
    await scene.must("start", "sleep 1000", "--name", "api");
    await scene.must("start", "sleep 1000", "--name", "heir", "--inherit-env");
    const [api] = await scene.pids("api");
    const [heir] = await scene.pids("heir");
    expect(environmentOf(api!)["CALLERS_OWN"]).toBeUndefined();
    expect(environmentOf(api!)["PATH"]).toBe(scene.env["PATH"]);
    expect(environmentOf(heir!)["CALLERS_OWN"]).toBe("x");
    expect(commandLineOf(api!)).toEqual([expect.stringMatching(/\/sleep$/), "1000"]);
  });
});
