import { expect, test } from "vitest";
import type { ContractContext } from "../contract.ts";
import { isDead } from "../watched.ts";

/** What happens when an instance ends by itself. */
export const restartContract = (context: ContractContext): void => {
  test("a crashed instance waits, then runs again: one restart, another run", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 200 });
    const { backend } = context.watched;
    const before = await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
    context.harness.crash(backend, context.app, 0);
    await context.watched.until(context.app, 0, "waiting", ({ status }) => status === "waiting");
    const after = await context.watched.until(
      context.app,
      0,
      "restarted",
      ({ status, restarts }) => status === "online" && restarts === 1,
    );
    expect(after.run).not.toBe(before.run);
    expect(after.fingerprint).toBe(before.fingerprint);
    expect(after.exit).toMatchObject({ signal: "SIGKILL" });
  });

  test("each crash counts; a restart by hand begins again at 0", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 0 });
    const { backend } = context.watched;
    for (let count = 1; count <= 2; count++) {
      context.harness.crash(backend, context.app, 0);
      await context.watched.until(
        context.app,
        0,
        `restart ${count}`,
        ({ status, restarts }) => status === "online" && restarts === count,
      );
    }
    await backend.restart(context.app, 0);
    await context.watched.until(
      context.app,
      0,
      "online",
      ({ status, restarts }) => status === "online" && restarts === 0,
    );
  });

  test("a waiting instance can be stopped", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 60_000 });
    const { backend } = context.watched;
    context.harness.crash(backend, context.app, 0);
    await context.watched.until(context.app, 0, "waiting", ({ status }) => status === "waiting");
    await backend.stop(context.app, 0);
    await context.watched.untilGone(context.app, 0);
  });

  test("a waiting instance can be restarted without waiting longer", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 60_000 });
    const { backend } = context.watched;
    context.harness.crash(backend, context.app, 0);
    await context.watched.until(context.app, 0, "waiting", ({ status }) => status === "waiting");
    await backend.restart(context.app, 0);
    await context.watched.until(context.app, 0, "online", ({ status }) => status === "online");
  });

  test("with autorestart off it stays down, its exit is told, and clear frees the name", async () => {
    await context.startBriefly({ does: "exit", code: 3 }, { autorestart: false });
    const { backend } = context.watched;
    const instance = await context.watched.until(context.app, 0, "dead", isDead);
    expect(instance).toMatchObject({ status: "errored", restarts: 0, exit: { code: 3 } });
    await backend.clear(context.app, 0);
    await context.watched.untilGone(context.app, 0);
    await context.start({ does: "run" }, { autorestart: false });
  });

  test("a dead instance keeps its name until it is cleared or stopped", async () => {
    await context.startBriefly({ does: "exit", code: 3 }, { autorestart: false });
    await context.watched.until(context.app, 0, "dead", isDead);
    await expect(context.start({ does: "run" })).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    await context.watched.backend.stop(context.app, 0);
    await context.watched.backend.clear(context.app, 0);
    await context.watched.untilGone(context.app, 0);
  });

  test("an exit code of stop_exit_codes is no reason to restart", async () => {
    await context.startBriefly({ does: "exit", code: 7 }, { stopExitCodes: [7], restartDelayMs: 0 });
    const { watched, app } = context;
    // A clean end may leave nothing to see (systemd unloads such a unit), or a stopped instance.
    await expect
      .poll(() => ["absent", "stopped"].includes(watched.one(app, 0)?.status ?? "absent"), { timeout: 5000 })
      .toBe(true);
    expect(watched.one(app, 0)?.restarts ?? 0).toBe(0);
    expect(watched.statuses(app, 0)).not.toContain("waiting");
  });

  test("any other exit code is", async () => {
    await context.startBriefly({ does: "exit", code: 6 }, { stopExitCodes: [7], restartDelayMs: 50 });
    await context.watched.until(context.app, 0, "restarted", ({ restarts }) => restarts >= 2);
    expect(context.watched.one(context.app, 0)?.exit).toMatchObject({ code: 6 });
  });

  test("even a clean exit is, as long as autorestart is on", async () => {
    await context.startBriefly({ does: "exit", code: 0 }, { restartDelayMs: 50 });
    await context.watched.until(context.app, 0, "restarted", ({ restarts }) => restarts >= 1);
  });
};
