import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";
import { shownInstances } from "./systemctl.ts";
import type { Outcome } from "./velos.ts";

const scene = useScene();

/** One line that says what is wrong, one that says what to do, nothing on stdout, and the exit code. */
const expectRefusal = ({ code, stdout, stderr }: Outcome, exit: number, message: RegExp): void => {
  expect({ code, stdout, stderr }).toEqual({
    code: exit,
    stdout: "",
    stderr: expect.stringMatching(/^velos: \S.*\n {2}\S.*\n$/) as string,
  });
  expect(stderr.split("\n")[0]).toMatch(message);
};

const storeFiles = (): string[] => {
  const directory = join(scene.paths.state, "apps");
  return existsSync(directory) ? readdirSync(directory) : [];
};

/** Nothing half-done: no unit, nothing stored. */
const expectNothingDone = async (): Promise<void> => {
  expect((await shownInstances()).size).toBe(0);
  expect(storeFiles()).toEqual([]);
};

const ok = (): string => scene.script("ok.sh", "exec sleep 1000");

describe("bad input is refused with one line, a hint and the exit code, and nothing is done", () => {
  const cases: [what: string, args: () => string[], exit: number, message: RegExp][] = [
    ["a script that is missing", () => ["start", "nope.js"], 2, /no such script: .*nope\.js/],
    ["a file that is not executable", () => ["start", scene.write("data", "x")], 2, /data is not executable/],
    ["a directory", () => ["start", scene.directory], 2, /is a directory/],
    ["a name with a slash", () => ["start", ok(), "--name", "a/b"], 2, /'a\/b' cannot be an app's name/],
    ["a name that is too long", () => ["start", ok(), "--name", "a".repeat(65)], 2, /cannot be an app's name/],
    ["a name that ends like a unit", () => ["start", ok(), "--name", "api.service"], 2, /cannot be an app's name/],
    ["the name all", () => ["start", ok(), "--name", "all"], 2, /'all' cannot be an app's name/],
    ["an empty name", () => ["start", ok(), "--name", ""], 2, /cannot be an app's name/],
    ["-i 0", () => ["start", ok(), "-i", "0"], 2, /'?0'? .*at least one/],
    ["-i -1", () => ["start", ok(), "-i", "-1"], 2, /-1/],
    ["-i=-1", () => ["start", ok(), "-i=-1"], 2, /-1/],
    ["-i 10000", () => ["start", ok(), "-i", "10000"], 2, /10000.* 1000 is the limit/],
    ["-i many", () => ["start", ok(), "-i", "many"], 2, /many/],
    ["a working directory that is missing", () => ["start", ok(), "--cwd", "nowhere"], 2, /nowhere/],
    ["a working directory that is a file", () => ["start", ok(), "--cwd", scene.write("file", "")], 2, /file/],
    [
      "an env file that is missing",
      () => ["start", ok(), "--env-file", "no.env"],
      2,
      /cannot read the env file .*no\.env/,
    ],
    ["an env file that is a directory", () => ["start", ok(), "--env-file", "."], 2, /cannot read the env file/],
    [
      "an env file that is no env file",
      () => ["start", ok(), "--env-file", scene.write("bad.env", "A=1\nnot a line\n")],
      2,
      /bad\.env.*2/,
    ],
    ["an interpreter that is missing", () => ["start", ok(), "--interpreter", "no-such-thing"], 2, /no-such-thing/],
    ["a duration that is none", () => ["start", ok(), "--kill-timeout", "soon"], 2, /soon/],
    ["a signal that is none", () => ["start", ok(), "--kill-signal", "SIGNOPE"], 2, /SIGNOPE/],
    ["an option that is none", () => ["start", ok(), "--instancse", "2"], 2, /--instancse/],
    ["a command that is none", () => ["strat", "x"], 2, /strat/],
    ["nothing to start", () => ["start"], 2, /nothing to start/],
    ["an unknown app", () => ["stop", "nope"], 3, /no app matches 'nope'/],
    ["an unknown app to scale", () => ["scale", "nope", "2"], 3, /no app matches 'nope'/],
    ["an unknown app to restart", () => ["restart", "nope:1"], 3, /no app matches 'nope'/],
    ["an unknown app to delete", () => ["delete", "nope"], 3, /no app matches 'nope'/],
    ["an unknown app to describe", () => ["describe", "nope"], 3, /no app matches 'nope'/],
    ["an unknown app's logs", () => ["logs", "nope"], 3, /no app matches 'nope'/],
    ["a selector that is none", () => ["stop", "api:x"], 2, /'api:x' is not a selector/],
    ["a velos.toml that is missing", () => ["start", "--config", "no.toml"], 2, /no\.toml/],
    [
      "an unknown key of a velos.toml",
      () => ["start", "--config", scene.write("a.toml", '[apps.api]\nscript = "ok.sh"\ninstanses = 2\n')],
      2,
      /a\.toml:3:1.*instanses/,
    ],
    [
      "a wrong type in a velos.toml",
      () => ["start", "--config", scene.write("b.toml", '[apps.api]\nscript = "ok.sh"\nautorestart = "yes"\n')],
      2,
      /b\.toml:3:\d+.*autorestart/,
    ],
    [
      "a syntax error of a velos.toml",
      () => ["start", "--config", scene.write("c.toml", '[apps.api]\nscript = "ok.sh\n')],
      2,
      /c\.toml:2:\d+/,
    ],
    [
      "a property that systemd does not know",
      () => {
        const text = `[apps.api]\nscript = "${ok()}"\n[apps.api.systemd]\nIOWeight = 50\nProtectSytem = "strict"\n`;
        return ["apply", "-f", scene.write("g.toml", text)];
      },
      2,
      /g\.toml:5:1: systemd would ignore ProtectSytem of api: Unknown key/,
    ],
    [
      "a value that systemd does not take",
      () => {
        const text = `[apps.api]\nscript = "${ok()}"\nsystemd = { IOWeight = 50, Nice = "abc" }\n`;
        return ["start", "--config", scene.write("h.toml", text)];
      },
      2,
      /h\.toml:3:28: systemd would ignore Nice of api: .*abc/,
    ],
    [
      "a second app that is wrong",
      () => [
        "start",
        "--config",
        scene.write("d.toml", `[apps.good]\nscript = "${ok()}"\n[apps.bad]\nscript = "gone.sh"\n`),
      ],
      2,
      /gone\.sh/,
    ],
    ["a velos.toml without apps", () => ["start", "--config", scene.write("e.toml", "")], 2, /it has no apps/],
    [
      "an app that the file has not",
      () => ["start", "--config", scene.write("f.toml", `[apps.good]\nscript = "${ok()}"\n`), "--only", "god"],
      2,
      /has no app 'god'/,
    ],
  ];

  it.each(cases)("%s", async (_, args, exit, message) => {
    expectRefusal(await scene.velos(...args()), exit, message);
    await expectNothingDone();
  });

  it("names the key that was meant", async () => {
    scene.write("velos.toml", '[apps.api]\nscript = "ok.sh"\ninstanses = 2\n');
    expect((await scene.velos("start", "--config", "velos.toml")).stderr).toMatch(/\n {2}.*instances/);
  });

  it("an instance that is not there, while the app is", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const before = await scene.pids("api");
    for (const command of ["stop", "restart", "start", "describe", "logs", "env"]) {
      expectRefusal(await scene.velos(command, "api:2"), 3, /api has no instance 2/);
    }
    expectRefusal(await scene.velos("scale", "api", "0"), 2, /at least one/);
    expectRefusal(await scene.velos("scale", "api", "-2"), 2, /at least one/);
    expectRefusal(await scene.velos("scale", "api", "10000"), 2, /1000 is the limit/);
    expectRefusal(await scene.velos("scale", "api", "+999"), 2, /1000 is the limit/);
    expectRefusal(await scene.velos("delete", "api:1"), 2, /deleted as a whole/);
    expect(await scene.pids("api")).toEqual(before);
  });

  it("a name that is taken by another spec is no error: the app is rolled to it, and velos says so", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "--kill-timeout", "100ms");
    const [before] = await scene.pids("api");
    const again = await scene.must("start", "sleep 1000", "--name", "api", "--kill-timeout", "100ms");
    expect(again.stdout).toMatch(/api.*as asked/);
    expect(await scene.pids("api")).toEqual([before]);

    const changed = await scene.must("start", "sleep 2000", "--name", "api", "--kill-timeout", "100ms");
    expect(changed.stdout).toMatch(/api.*new spec/);
    const [after] = await scene.pids("api");
    expect(after).not.toBe(before);
    expect((await scene.must("describe", "api")).stdout).toMatch(/sleep 2000/);
  });

  it("a program that ends at once is a failure with its reason, and can be deleted", async () => {
    const outcome = await scene.velos("start", scene.script("bad.sh", "echo oops >&2", "exit 3"), "--name", "bad");
    expect(outcome.code).toBe(1);
    // What it wrote comes first.
    expect(outcome.stderr).toMatch(/^(bad:0 \| oops\n)+velos: bad:0 did not come up: exit code 3.*\n {2}\S.*\n$/);
    await scene.must("delete", "bad");
    await expectNothingDone();
  });
});
