import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";
import { shownInstances } from "./systemctl.ts";
import type { Outcome } from "./velos.ts";
import { velosProgram } from "./velos.ts";

const scene = useScene();

const apps = (): string => join(scene.paths.state, "apps");

let mounted: string | undefined;

/** In the mounts of the private user manager, which velosd shares with the tests. */
const mount = (target: string, ...args: string[]): void => {
  execFileSync("mount", [...args, target]);
  mounted = target;
};
const unmount = (): void => {
  if (mounted !== undefined) execFileSync("umount", ["--lazy", mounted]);
  mounted = undefined;
};
afterEach(unmount);

const expectRefusal = ({ code, stderr }: Outcome, exit: number, message: RegExp): void => {
  expect(stderr).toMatch(/^velos: \S.*\n {2}\S.*\n$/);
  expect(stderr.split("\n")[0]).toMatch(message);
  expect(code).toBe(exit);
};

/** Every command that changes something says that it was not saved, and what runs goes on. */
const expectNothingIsSaved = async (): Promise<void> => {
  const before = await scene.pids("api");
  for (const args of [
    ["scale", "api", "4"],
    ["stop", "api"],
    ["stop", "api:0"],
    ["restart", "api"],
  ]) {
    expectRefusal(await scene.velos(...args), 1, /the change to api was not saved/);
  }
  expectRefusal(await scene.velos("start", "sleep 1000", "--name", "new"), 1, /the change to new was not saved/);
  expect(await scene.pids("api")).toEqual(before);
  expect((await scene.list()).map(({ name }) => name)).toEqual(["api"]);
  expect((await shownInstances()).size).toBe(before.length);
};

describe("a state that cannot be used", () => {
  it("store that cannot be written: what runs goes on, and the change is said not to be saved", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    mount(apps(), "--bind", apps());
    execFileSync("mount", ["-o", "remount,bind,ro", apps()]);
    await expectNothingIsSaved();
    unmount();
    await scene.must("scale", "api", "4");
    expect(await scene.list()).toMatchObject([{ name: "api", online: 4 }]);
  });

  it("full disk: what runs goes on, the change is said not to be saved, and the file is the one from before", async () => {
    await scene.must("ping");
    mount(apps(), "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs");
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const filler = join(apps(), "filler");
    try {
      writeFileSync(filler, Buffer.alloc(1 << 20));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
    }
    await expectNothingIsSaved();
    const before = await scene.pids("api");
    await scene.must("kill");
    expect(await scene.pids("api")).toEqual(before);
    expect(readdirSync(apps()).filter((file) => file.endsWith(".tmp"))).toEqual([]);
    rmSync(filler);
    await scene.must("scale", "api", "3");
    await scene.must("delete", "api");
  });

  it("corrupt file: moved aside and reported, its instances live on, other apps are not affected", async () => {
    for (const app of ["api", "web"]) await scene.must("start", "sleep 1000", "--name", app, "-i", "2");
    const [api, web] = [await scene.pids("api"), await scene.pids("web")];
    await scene.must("kill");
    for (const [content, round] of [
      ["{ half a fi", 1],
      ["[]", 2],
      ["null", 3],
      ['{"version":1}', 4],
    ] as const) {
      const file = join(apps(), "web.json");
      writeFileSync(file, content);
      const listed = await scene.must("list");
      expect(listed.stdout).not.toContain("web");
      expect(listed.stderr).toMatch(/web\.json is corrupt .* moved to .*web\.json\.corrupt-\d+/);
      expect(listed.stderr).toMatch(/instances of web run/);
      expect(existsSync(file)).toBe(false);
      expect(readdirSync(apps()).filter((name) => name.startsWith("web.json.corrupt-"))).toHaveLength(round);
      expect(await scene.pids("api")).toEqual(api);
      expect((await shownInstances()).get("velos-web@0.service")?.mainPid).toBe(web[0]);
      await scene.must("kill");
    }
    // Starting it again takes its instances over.
    await scene.must("start", "sleep 1000", "--name", "web", "-i", "2");
    expect(await scene.pids("web")).toEqual(web);
    expect((await scene.must("list")).stderr).not.toMatch(/instances of web run/);
  });

  it("app whose file is lost can be deleted by its name", async () => {
    await scene.must("start", "sleep 1000", "--name", "web", "-i", "2");
    await scene.must("kill");
    rmSync(join(apps(), "web.json"));
    expect((await scene.must("list")).stderr).toMatch(/instances of web run/);
    await scene.must("delete", "web");
    expect((await shownInstances()).size).toBe(0);
    expect((await scene.must("list")).stderr).toBe("");
  });

  it("file of a newer velos: velosd does not start, and says why", async () => {
    await scene.must("start", "sleep 1000", "--name", "api");
    const before = [...(await shownInstances()).values()];
    await scene.must("kill");
    const other = join(apps(), "newer.json");
    writeFileSync(other, '{"version":1000}');
    expectRefusal(await scene.velos("list"), 4, /newer\.json was written by a newer velos/);
    expect([...(await shownInstances()).values()]).toEqual(before);
    rmSync(other);
    expect(await scene.pids("api")).toEqual(before.map(({ mainPid }) => mainPid));
  });
});

describe("a velosd that cannot be reached", () => {
  it("because its home is below a file", async () => {
    scene.env["VELOS_HOME"] = join(scene.write("file", ""), "home");
    expectRefusal(await scene.velos("list"), 4, /cannot reach velosd/);
    expectRefusal(await scene.velos("start", "sleep 1000"), 4, /cannot reach velosd/);
    delete scene.env["VELOS_HOME"];
  });

  it("because its state's place is taken by a file: the first command and the next say so, and it works once that is gone", async () => {
    mkdirSync(join(scene.paths.state, ".."), { recursive: true });
    writeFileSync(scene.paths.state, "");
    for (let call = 0; call < 3; call++) expectRefusal(await scene.velos("list"), 4, /velos\/apps cannot be made/);
    rmSync(scene.paths.state);
    await scene.must("list");
  });

  it("because everybody may write its state", async () => {
    await scene.must("list");
    await scene.must("kill");
    chmodSync(apps(), 0o777);
    expectRefusal(await scene.velos("list"), 4, /apps is writable by everybody/);
    await scene.must("kill");
    chmodSync(apps(), 0o700);
    await scene.must("list");
  });

  it("because its socket's path is too long", async () => {
    scene.env["VELOS_HOME"] = scene.path("x".repeat(120));
    expectRefusal(await scene.velos("list"), 2, /longer than the kernel allows/);
    delete scene.env["VELOS_HOME"];
  });

  it("because the socket is another user's", async () => {
    scene.env["VELOS_HOME"] = scene.path("home");
    await scene.must("start", "sleep 1000", "--name", "api");
    const build = dirname(velosProgram);
    const programs = readdirSync(build).filter((name) => name.endsWith(".cjs"));
    for (const name of programs) copyFileSync(join(build, name), scene.path(name));
    const program = scene.path(basename(velosProgram));
    chmodSync(scene.directory, 0o755);
    const nobody = { uid: 65534, program };
    expectRefusal(await scene.run(["list"], nobody), 4, /velosd\.sock is not yours to open/);
    // Nor when only the socket itself keeps others out.
    chmodSync(scene.path("home"), 0o755);
    chmodSync(scene.path("home", "run"), 0o755);
    expectRefusal(await scene.run(["list"], nobody), 4, /velosd\.sock is not yours to open/);
    expectRefusal(await scene.run(["delete", "all"], nobody), 4, /velosd\.sock is not yours to open/);
    expect((await shownInstances()).size).toBe(1);
  });
});
