import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestVelosd } from "./harness.ts";

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

  it("prunes nothing when an app of the file does not come up, and shows what was done before", async () => {
    await file({ old: "" });
    await velosd.velos("apply");
    await file({ api: "", bad: "autorestart = false" });
    velosd.world.behave = ({ name }: { name: string }) => (name === "bad" ? { exitCode: 3 } : {});
    const { code, out, err } = await velosd.velos("apply", "--prune");
    expect([code, lines({ out })]).toEqual([1, ["api: created"]]);
    expect(err).toContain("bad:0 did not come up");
    expect((await velosd.controller.apps.list()).map(({ name }) => name)).toContain("old");
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
