import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Outcome } from "./harness.ts";
import { TestVelosd, until } from "./harness.ts";

let velosd: TestVelosd;
beforeEach(async () => {
  velosd = await TestVelosd.start();
});
afterEach(() => velosd.close());

/** Quick rollouts: the memory world knows no readiness. */
const quick = "rollout = { pause = 0 }\nmin_uptime = 0\nkill_timeout = 1\n";
const file = async (apps: Record<string, string>): Promise<void> =>
  writeFile(
    join(velosd.home, "velos.toml"),
    Object.entries(apps)
      .map(([name, keys]) => `[apps.${name}]\nscript = "server.js"\n${quick}${keys}\n`)
      .join("\n"),
  );
const lines = ({ out }: { out: string }): string[] => out.trimEnd().split("\n");

describe("velos apply", () => {
  it("says what it did to each app, and does nothing the second time", async () => {
    await file({ api: "instances = 2", web: "" });
    const first = await velosd.velos("apply");
    expect([first.code, first.err, lines(first)]).toEqual([0, "", ["api: created", "web: created"]]);
    expect(lines(await velosd.velos("apply", "-f", "velos.toml"))).toEqual(["api: unchanged", "web: unchanged"]);
    await file({ api: "instances = 3\nargs = ['x']", web: "max_restarts = 3" });
    expect(lines(await velosd.velos("apply"))).toEqual(["api: rolled, scaled from 2 to 3", "web: changed in place"]);
    await velosd.velos("stop", "web");
    expect(lines(await velosd.velos("apply"))).toEqual(["api: unchanged", "web: resumed"]);
    await velosd.velos("stop", "api:1");
    expect(lines(await velosd.velos("apply", "--only", "api"))).toEqual(["api: resumed"]);
  });

  it("keeps a number of instances that the file does not speak of", async () => {
    await file({ api: "" });
    await velosd.velos("apply");
    await velosd.velos("scale", "api", "4");
    expect(lines(await velosd.velos("apply"))).toEqual(["api: unchanged"]);
    expect((await velosd.controller.apps.list(["api"]))[0]!.instances).toBe(4);
  });

  it("deletes what the file does not name only with --prune", async () => {
    await file({ api: "", old: "" });
    await velosd.velos("apply");
    await file({ api: "" });
    expect(lines(await velosd.velos("apply"))).toEqual(["api: unchanged"]);
    expect(await velosd.json("apply", "--prune", "--dry-run")).toEqual({
      apps: [{ name: "api", actions: ["unchanged"], instances: 1 }],
      deleted: ["old"],
      dryRun: true,
    });
    expect(await velosd.controller.apps.list()).toHaveLength(2);
    expect(await velosd.json("apply", "--prune")).toMatchObject({ deleted: ["old"], dryRun: false });
    expect(lines(await velosd.velos("apply", "--prune"))).toEqual(["api: unchanged"]);
    expect((await velosd.controller.apps.list()).map(({ name }) => name)).toEqual(["api"]);
  });

  it("lets an app that was renamed have its address: what is in the way goes first", async () => {
    await file({ old: 'listen = ["127.0.0.1:2345"]', other: "" });
    await velosd.velos("apply");
    await file({ new: 'listen = ["127.0.0.1:2345"]' });
    expect(lines(await velosd.velos("apply", "--prune"))).toEqual(["old: deleted", "new: created", "other: deleted"]);
  });

  it.each([
    ["[::]:2345", "127.0.0.1:2345"],
    ["127.0.0.1:2345", "2345"],
    ["0.0.0.0:2345", "127.0.0.1:2345"],
    ["[::1]:2345", "[0:0:0:0:0:0:0:1]:2345"],
  ])("so it does where its address was written as %s and is now %s", async (before, after) => {
    await file({ old: `listen = ["${before}"]`, other: 'listen = ["127.0.0.2:2345", "2346"]' });
    await velosd.velos("apply");
    await file({ new: `listen = ["${after}"]` });
    const did = lines(await velosd.velos("apply", "--prune"));
    expect([did[0], did.at(-1)]).toEqual(["old: deleted", after === "2345" ? "new: created" : "other: deleted"]);
  });

  it("says that other addresses take an app down for a moment, before and after; and what was up was not resumed", async () => {
    await file({ api: 'listen = ["127.0.0.1:23451"]' });
    await velosd.velos("apply");
    await file({ api: 'listen = ["127.0.0.1:23452"]\ninstances = 2' });
    const says = ["api: moved to 127.0.0.1:23452 (down for a moment), scaled from 1 to 2"];
    expect(lines(await velosd.velos("apply", "--dry-run"))).toEqual(says);
    expect(lines(await velosd.velos("apply"))).toEqual(says);
    await file({ api: 'listen = ["127.0.0.1:23453"]' });
    expect(await velosd.json("apply")).toEqual({
      apps: [{ name: "api", actions: ["moved"], instances: 2, listen: ["127.0.0.1:23453"] }],
      deleted: [],
      dryRun: false,
    });
    await file({ api: "" });
    const { out } = await velosd.velos("start", "--config", "velos.toml");
    expect(out.split("\n")[0]).toBe("api: moved off its addresses (down for a moment)");
  });

  it("moves whoever gives an address up before whoever is to have it", async () => {
    await file({ a: 'listen = ["127.0.0.1:23461"]', b: 'listen = ["127.0.0.1:23462"]' });
    await velosd.velos("apply");
    await file({ a: 'listen = ["23462"]', b: 'listen = ["127.0.0.1:23463"]' });
    const says = ["b: moved to 127.0.0.1:23463 (down for a moment)", "a: moved to 23462 (down for a moment)"];
    expect(lines(await velosd.velos("apply", "--dry-run"))).toEqual(says);
    expect(lines(await velosd.velos("apply"))).toEqual(says);
  });

  it("does nothing for apps that are to exchange their addresses, until one of them is stopped", async () => {
    await file({ a: 'listen = ["127.0.0.1:23471"]', b: 'listen = ["127.0.0.1:23472"]' });
    await velosd.velos("apply");
    const calls = velosd.world.calls.length;
    await file({ a: 'listen = ["127.0.0.1:23472"]', b: 'listen = ["127.0.0.1:23471"]' });
    const { code, err } = await velosd.velos("apply");
    expect([code, err]).toEqual([2, expect.stringContaining("a and b are to have each other's addresses")]);
    expect(err).toContain("`velos stop b`");
    expect(velosd.world.calls.slice(calls)).toEqual([]);
    await velosd.velos("stop", "b");
    expect(lines(await velosd.velos("apply"))).toEqual([
      "a: moved to 127.0.0.1:23472 (down for a moment)",
      "b: resumed, rolled",
    ]);
  });

  it("goes on with the rest when an app does not come up, tells of each, and prunes nothing", async () => {
    await file({ old: "" });
    await velosd.velos("apply");
    await file({ bad: "autorestart = false", api: "", worse: "autorestart = false" });
    velosd.world.behave = ({ name }: { name: string }) => (name === "bad" || name === "worse" ? { exitCode: 3 } : {});
    const { code, out, err } = await velosd.velos("apply", "--prune");
    expect([code, lines({ out })]).toEqual([1, ["api: created"]]);
    expect(err).toContain("velos: bad:0 did not come up");
    expect(err).toContain("velos: worse:0 did not come up");
    expect(err).toContain("velos: not everything came up: old not deleted");
    expect((await velosd.controller.apps.list()).map(({ name }) => name)).toContain("old");
    const error = { code: "INSTANCE_FAILED", message: expect.stringMatching(/^bad:0 did not come up/) as string };
    expect(await velosd.json("apply")).toMatchObject({
      error,
      errors: [{ app: "bad", ...error }, { app: "worse" }],
      apps: [{ name: "api", actions: ["unchanged"] }],
      deleted: [],
    });
    const started = await velosd.velos("start", "--config", "velos.toml");
    expect([started.code, started.out.split("\n")[0]]).toEqual([1, "api: unchanged, it runs as asked"]);
    expect(started.err).toContain("velos: worse:0 did not come up");
    expect(await velosd.json("start", "--config", "velos.toml")).toMatchObject({
      error,
      errors: [{ app: "bad" }, { app: "worse" }],
      apps: [{ name: "api", outcome: "unchanged" }],
    });
  });

  describe("[apps.x.systemd]", () => {
    /** A systemd-analyze that has something against line 5 of every unit, and one that is not there. */
    const run = async (says: string | undefined, ...argv: string[]): Promise<Outcome> => {
      const bin = join(velosd.home, "bin");
      await mkdir(bin, { recursive: true });
      const text = `#!/bin/sh\nfor unit; do :; done\necho "$unit:5: ${says}" >&2; exit 1\n`;
      await rm(join(bin, "systemd-analyze"), { force: true });
      if (says !== undefined) await writeFile(join(bin, "systemd-analyze"), text, { mode: 0o755 });
      return velosd.terminal({ env: { PATH: bin } }).run(...argv);
    };
    const ignored = "Failed to parse nice priority 'abc', ignoring: Invalid argument";

    it("is refused where systemd would ignore a property, with its place, and nothing is done", async () => {
      await file({ web: "", api: '[apps.api.systemd]\nIOWeight = 50\nNice = "abc"' });
      for (const argv of [["apply"], ["apply", "--dry-run"], ["start", "--config", "velos.toml"]]) {
        const { code, out, err } = await run(ignored, ...argv, "--backend", "systemd");
        expect([code, out, err.split("\n")[0]]).toEqual([
          2,
          "",
          "velos: velos.toml:15:1: systemd would ignore Nice of api: Failed to parse nice priority 'abc': Invalid argument",
        ]);
      }
      expect(velosd.world.calls).toEqual([]);
    });

    it("is taken as it is by another backend, without systemd-analyze, and where it only gives advice", async () => {
      await file({ api: '[apps.api.systemd]\nIOWeight = 50\nNice = "abc"' });
      expect((await run(ignored, "apply", "--backend", "spawn")).code).toBe(0);
      expect((await run(undefined, "apply", "--backend", "systemd")).code).toBe(0);
      expect((await run("please use MemoryMax= instead", "apply", "--backend", "systemd")).code).toBe(0);
    });
  });

  it("warns of a launcher that keeps the addresses to itself, and does as it is told", async () => {
    const script = join(velosd.home, "npm");
    await writeFile(script, "", { mode: 0o755 });
    const started = await velosd.velos("start", `${script} start`, "--name", "web", "--listen", "23481");
    expect([started.code, started.err]).toEqual([
      0,
      "velos: web: npm runs the script in a process of its own, which does not get the addresses of `listen`; name the script that listens: `velos start server.js --listen 23481`\n",
    ]);
    expect((await velosd.velos("start", `${script} start`, "--name", "alone")).err).toBe("");
    await file({ api: 'listen = ["23482"]' });
    expect((await velosd.velos("apply")).err).toBe("");
    const toml = `[apps.api]\ncommand = ["sh", "-c", "exec ${process.execPath} server.js"]\nlisten = ["23482"]\n`;
    await writeFile(join(velosd.home, "velos.toml"), toml);
    const { err } = await velosd.velos("apply");
    expect(err).toContain(
      "velos: api: Node in a shell's command does not get the addresses of `listen`; name the script",
    );
  });

  it.each([
    [["--prune", "--only", "api"], "--prune and --only exclude each other"],
    [["--env", "A=1"], "the name of a profile"],
    [["-f", "none.toml"], "cannot read none.toml"],
    [["--only", "apo"], "has no app 'apo'"],
  ])("refuses %j with code 2, and does nothing", async (argv, says) => {
    await file({ api: "" });
    const { code, err } = await velosd.velos("apply", ...argv);
    expect([code, err]).toEqual([2, expect.stringContaining(says)]);
    expect(velosd.world.calls).toEqual([]);
  });

  it("leaves alone what has ended by itself and is not to be restarted, and tells of it in its turn", async () => {
    velosd.world.behave = () => ({ exitCode: 0 });
    await file({ job: "autorestart = false", web: 'autorestart = false\nargs = "a"' });
    await velosd.velos("apply");
    const hold = (app: string): unknown => velosd.controller.converge.get(app)!.record.holds[0]?.why;
    for (const app of ["job", "web"]) await until(() => hold(app) === "exited", `${app} has ended`);
    const calls = (): number => velosd.world.calls.filter((call) => call.startsWith("start job")).length;
    const before = calls();
    expect((await velosd.velos("apply")).out).toBe("job: unchanged\nweb: unchanged\n");
    expect(calls()).toBe(before);
    await file({ job: "autorestart = false", web: 'autorestart = false\nargs = "b"' });
    expect((await velosd.velos("apply")).out).toMatch(/^job: unchanged\nweb: resumed, rolled/);
    expect(calls()).toBe(before);
  });

  it("does what the dry run says, whatever there was and whatever is wanted", async () => {
    interface Keys {
      instances: number | undefined;
      args: string;
      max_restarts: number;
    }
    const app: fc.Arbitrary<Keys> = fc.record({
      instances: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      args: fc.constantFrom("", "a"),
      max_restarts: fc.constantFrom(15, 3),
    });
    const apps = fc.dictionary(fc.constantFrom("api", "web"), app, { minKeys: 1, noNullPrototype: true });
    const written = (all: Record<string, Keys>): Record<string, string> =>
      Object.fromEntries(
        Object.entries(all).map(([name, { instances, args, max_restarts }]) => [
          name,
          `${instances === undefined ? "" : `instances = ${instances}\n`}args = "${args}"\nmax_restarts = ${max_restarts}`,
        ]),
      );
    await fc.assert(
      fc.asyncProperty(apps, apps, fc.constantFrom("", "api"), async (before, after, stopped) => {
        await velosd.velos("delete", "all");
        await file(written(before));
        await velosd.velos("apply");
        if (stopped in before) await velosd.velos("stop", stopped);
        await file(written(after));
        const { dryRun: _, ...said } = await velosd.json<{ dryRun: boolean }>("apply", "--prune", "--dry-run");
        const { dryRun: __, ...did } = await velosd.json<{ dryRun: boolean }>("apply", "--prune");
        expect(did).toEqual(said);
        const again = await velosd.json<{ apps: { actions: string[] }[]; deleted: string[] }>("apply", "--prune");
        expect(again.deleted).toEqual([]);
        for (const { actions } of again.apps) expect(actions).toEqual(["unchanged"]);
      }),
      { numRuns: 8 },
    );
  }, 60_000);
});
