import { chmod, mkdir, mkdtemp, realpath, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Program, ProgramSearch } from "../../src/config/program.ts";
import { defaultName, findProgram } from "../../src/config/program.ts";
import type { AppSettings } from "../../src/config/settings.ts";
import { flagOf } from "../../src/config/schema.ts";
import { errorOf } from "./error-of.ts";

let home: string;
let bin: string;

const put = async (path: string, text = "", mode = 0o644): Promise<void> => {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await writeFile(join(home, path), text);
  await chmod(join(home, path), mode);
};

beforeAll(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), "velos-program-")));
  await chmod(home, 0o755);
  bin = join(home, "bin");
  for (const name of ["node", "python3", "ruby", "sh", "bash", "sleep", "deno"])
    await put(`bin/${name}`, "\x7fELF", 0o755);
  await put("bin/notes.txt", "not a program");
  for (const name of ["app.js", "app.mjs", "app.cjs", "app.py", "app.rb", "app.sh", "my app.js", "app.ts", "data"])
    await put(name);
  await put("strict.sh", "#!/usr/bin/env bash\n");
  await put("venv.py", `#!${home}/venv/bin/python -u\n`, 0o755);
  await put("venv/bin/python", "\x7fELF", 0o755);
  await put("gone.py", "#!/nowhere/python\n");
  await put("split.rb", "#!/usr/bin/env -S ruby -w --yjit\n");
  await put("server", "\x7fELF", 0o755);
  await put("tool", "#!/usr/bin/env python3\n");
  await put("site/package.json", '{"main":"start.js"}');
  await put("site/start.js");
  await put("empty/readme");
  await put("sleep/readme");
  await put("project/src/app.ts");
  await put("project/src/app.mts");
  await put("project/node_modules/tsx/package.json", '{"exports":{".":"./dist/loader.mjs"}}');
});

const find = (settings: AppSettings, search: Partial<ProgramSearch> = {}, base = home): Promise<Program> =>
  findProgram(
    { settings, baseDir: base, where: flagOf },
    {
      cwd: home,
      path: `relative:${bin}`,
      execPath: "/opt/own/node",
      runsAsCaller: true,
      nodeVersion: async () => "v20.19.0",
      ...search,
    },
  );
/** Program and arguments with the test's directory written as ~. */
const shown = ({ program, args }: Program): string => [program, ...args].join(" ").replaceAll(home, "~");

describe("a script", () => {
  // prettier-ignore
  it.each<[AppSettings, string]>([
    [{ script: "app.js" }, "~/bin/node ~/app.js"],
    [{ script: "./app.mjs", args: ["a b", "$HOME", "%n", "é\n"] }, "~/bin/node ~/app.mjs a b $HOME %n é\n"],
    [{ script: "app.cjs", interpreterArgs: ["--enable-source-maps"] }, "~/bin/node --enable-source-maps ~/app.cjs"],
    [{ script: "my app.js" }, "~/bin/node ~/my app.js"],
    [{ script: "app.py" }, "~/bin/python3 ~/app.py"],
    [{ script: "venv.py" }, "~/venv/bin/python -u ~/venv.py"],
    [{ script: "gone.py" }, "~/bin/python3 ~/gone.py"],
    [{ script: "app.rb" }, "~/bin/ruby ~/app.rb"],
    [{ script: "split.rb" }, "~/bin/ruby -w --yjit ~/split.rb"],
    [{ script: "app.sh" }, "~/bin/sh ~/app.sh"],
    [{ script: "strict.sh", args: ["x"] }, "~/bin/bash ~/strict.sh x"],
    [{ script: "server", args: ["-p"] }, "~/server -p"],
    [{ script: "venv.py", interpreter: "none" }, "~/venv.py"],
    [{ script: "tool", interpreter: "python3" }, "~/bin/python3 ~/tool"],
    [{ script: "data", interpreter: "venv/bin/python", interpreterArgs: ["-u"] }, "~/venv/bin/python -u ~/data"],
    [{ script: "app.ts", interpreter: "deno", interpreterArgs: ["run"] }, "~/bin/deno run ~/app.ts"],
    [{ script: "project/src/app.ts" }, "~/bin/node --import file://~/project/node_modules/tsx/dist/loader.mjs ~/project/src/app.ts"],
    [{ script: "project/src/app.mts", interpreter: "tsx" }, "~/bin/node --import file://~/project/node_modules/tsx/dist/loader.mjs ~/project/src/app.mts"],
  ])("%j is run", async (settings, command) => {
    const program = await find(settings);
    expect(shown(program)).toBe(command);
    expect(program.script).toBe(join(home, settings.script!));
  });

  it("is run by the node that velos has where PATH has none", async () => {
    expect((await find({ script: "app.js" }, { path: "" })).program).toBe("/opt/own/node");
  });

  it("is run by a node that is still there after the next boot, as fnm users need", async () => {
    const links = join(home, "fnm_multishells", "123");
    await mkdir(dirname(links), { recursive: true });
    await symlink(home, links);
    expect(shown(await find({ script: "app.js" }, { path: join(links, "bin") }))).toBe("~/bin/node ~/app.js");
  });

  it("in TypeScript is run by a node that can", async () => {
    for (const version of ["v22.18.0", "v23.6.1", "v24.0.0", "v26.1.0"]) {
      const program = await find({ script: "app.ts" }, { nodeVersion: async () => version });
      expect(shown(program)).toBe("~/bin/node ~/app.ts");
    }
    for (const version of ["v20.19.0", "v22.17.1", "v23.5.0", undefined]) {
      const [code] = await errorOf(find({ script: "app.ts" }, { nodeVersion: async () => version }));
      expect(code).toBe("INTERPRETER_NOT_FOUND");
    }
  });

  it("is looked for in the working directory, then where it was written", async () => {
    expect(shown(await find({ script: "start.js" }, { cwd: join(home, "site") }))).toBe("~/bin/node ~/site/start.js");
    expect(shown(await find({ script: "app.js" }, { cwd: join(home, "site") }))).toBe("~/bin/node ~/app.js");
  });
});

describe("a command", () => {
  it.each<[AppSettings, string]>([
    [{ script: "sleep", args: ["100"] }, "~/bin/sleep 100"],
    [{ script: "python3 -m http.server" }, "~/bin/python3 -m http.server"],
    [{ script: "sleep 'a b'", args: ["c"] }, "~/bin/sleep a b c"],
    [{ script: "node" }, "~/bin/node"],
    [{ command: ["./server", "a  b"] }, "~/server a  b"],
  ])("%j is run", async (settings, command) => {
    const program = await find(settings);
    expect(shown(program)).toBe(command);
    expect(program).not.toHaveProperty("script");
    expect(program).not.toHaveProperty("interpreter");
  });

  it.each<AppSettings>([
    { command: ["node", "app.js"], args: ["x"] },
    { script: "node app.js x" },
    { script: "node", args: ["app.js", "x"] },
  ])("%j is an app of Node's", async (settings) => {
    const program = await find(settings);
    expect(shown(program)).toBe("~/bin/node app.js x");
    expect(program).toMatchObject({ interpreter: "node" });
  });

  it("may begin with a script", async () => {
    const program = await find({ script: "app.js --port '3 0'" });
    expect(shown(program)).toBe("~/bin/node ~/app.js --port 3 0");
    expect(program).toMatchObject({ script: join(home, "app.js"), interpreter: "node" });
  });

  it("on PATH may be given an interpreter", async () => {
    expect(shown(await find({ script: "sleep", interpreter: "bash" }))).toBe("~/bin/bash ~/bin/sleep");
  });
});

describe("an error", () => {
  // prettier-ignore
  it.each<[AppSettings, string, string, string]>([
    [{ script: "missing.js" }, "SCRIPT_NOT_FOUND", "no such script: missing.js", "paths are relative to ~, and no such program is on PATH"],
    [{ script: "ap.js" }, "SCRIPT_NOT_FOUND", "no such script: ap.js", "did you mean app.js? paths are relative to ~, and no such program is on PATH"],
    [{ script: "./app.jz" }, "SCRIPT_NOT_FOUND", "no such script: ./app.jz", "did you mean app.js? paths are relative to ~"],
    [{ script: "app.js/x" }, "SCRIPT_NOT_FOUND", "no such script: app.js/x", "paths are relative to ~"],
    [{ script: "notes.txt" }, "SCRIPT_NOT_FOUND", "no such script: notes.txt", "paths are relative to ~, and no such program is on PATH"],
    [{ script: "nothing --at all" }, "SCRIPT_NOT_FOUND", "no such script: nothing --at all", "paths are relative to ~, and no such program is on PATH"],
    [{ script: "  " }, "SCRIPT_NOT_FOUND", "no such script:   ", "paths are relative to ~, and no such program is on PATH"],
    [{ script: "npm run a && b" }, "CONFIG_INVALID", 'start: "npm run a && b" has a & outside of quotes, which only a shell understands', "quote it, or run a shell: sh -c '…'"],
    [{ script: "data" }, "SCRIPT_NOT_EXECUTABLE", "~/data is not executable", "chmod +x it, or name what runs it with --interpreter"],
    [{ script: "tool" }, "SCRIPT_NOT_EXECUTABLE", "~/tool is not executable", "chmod +x it, or name what runs it with --interpreter python3"],
    [{ script: "app.py", interpreter: "none" }, "SCRIPT_NOT_EXECUTABLE", "~/app.py is not executable", "chmod +x it, or name what runs it with --interpreter"],
    [{ script: "site" }, "SCRIPT_IS_DIRECTORY", "~/site is a directory", "name the file in it that is to run, such as ~/site/start.js"],
    [{ script: "./empty/" }, "SCRIPT_IS_DIRECTORY", "~/empty is a directory", "name the file in it that is to run"],
    [{ script: "app.js", interpreter: "bun" }, "INTERPRETER_NOT_FOUND", "cannot find 'bun', which should run ~/app.js", "install it, or name another with --interpreter"],
    [{ script: "app.js", interpreter: "./data" }, "INTERPRETER_NOT_FOUND", "cannot find './data', which should run ~/app.js", "install it, or name another with --interpreter"],
    [{ script: "app.ts" }, "INTERPRETER_NOT_FOUND", "cannot find 'tsx', which should run ~/app.ts", "install it, or name another with --interpreter; node runs TypeScript by itself from 22.18 on, and this one is v20.19.0"],
    [{ script: "server", interpreterArgs: ["-x"] }, "CONFIG_INVALID", "--interpreter-args: ~/server has no interpreter", "remove them, or name the interpreter"],
    [{ command: ["missing"] }, "SCRIPT_NOT_FOUND", "no such script: missing", "paths are relative to ~, and no such program is on PATH"],
    [{ command: ["./missing"] }, "SCRIPT_NOT_FOUND", "no such script: ./missing", "paths are relative to ~"],
    [{ command: ["./data"] }, "SCRIPT_NOT_EXECUTABLE", "~/data is not executable", "chmod +x it, or name what runs it with --interpreter"],
    [{ command: ["./site"] }, "SCRIPT_IS_DIRECTORY", "~/site is a directory", "name the file in it that is to run, such as ~/site/start.js"],
    [{}, "USAGE", "there is nothing to start", "name a script, as in `velos start app.js`, or a --config"],
  ])("%j", async (settings, ...expected) => {
    expect((await errorOf(find(settings))).map((line) => line.replaceAll(home, "~"))).toEqual(expected);
  });

  it("of a missing python names python3", async () => {
    const [, message] = await errorOf(find({ script: "app.py" }, { path: "" }));
    expect(message).toBe(`cannot find 'python3', which should run ${join(home, "app.py")}`);
  });

  it("about a setting of velos.toml begins with its place", async () => {
    const draft = { settings: { script: "ap.js" }, baseDir: home, where: () => "velos.toml:2:10" };
    const search = { cwd: home, path: bin, execPath: "", runsAsCaller: true };
    expect((await errorOf(findProgram(draft, search)))[1]).toBe("velos.toml:2:10: no such script: ap.js");
  });

  it("about a script that cannot be read", async () => {
    await symlink("loop.js", join(home, "loop.js"));
    const message = `cannot read the script ${join(home, "loop.js")}: its links go in a circle`;
    expect((await errorOf(find({ script: "loop.js" })))[1]).toBe(message);

    await put("secret.js", "", 0o000);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid!(65_534); // nobody; root may read everything
    try {
      const [code, refusal] = await errorOf(find({ script: "secret.js" }));
      expect([code, refusal]).toEqual([
        "SCRIPT_UNREADABLE",
        `cannot read the script ${join(home, "secret.js")}: permission denied`,
      ]);
      expect(shown(await find({ script: "secret.js" }, { runsAsCaller: false }))).toBe("~/bin/node ~/secret.js");
    } finally {
      if (isRoot) process.seteuid!(0);
    }
  });
});

describe("defaultName", () => {
  it.each<[AppSettings, string]>([
    [{ script: "app.js" }, "app"],
    [{ script: "my app.js" }, "my-app"],
    [{ script: "sleep", args: ["1"] }, "sleep"],
    [{ command: ["python3", "-m", "http.server"] }, "python3"],
    [{ script: "app.js --x" }, "app"],
  ])("of %j", async (settings, name) => expect(defaultName(await find(settings))).toBe(name));
});
