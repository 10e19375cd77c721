import { expect, test } from "vitest";
import type { ContractContext } from "../contract.ts";
import { isDead, Watched } from "../watched.ts";

/** velosd's death and its successor. */
export const adoptionContract = (context: ContractContext): void => {
  test("instances outlive velosd, and the next one finds them as they are", async () => {
    await context.start({ does: "run" }, {}, 0, 2);
    await context.start({ does: "run" }, {}, 1, 2);
    const before = context.watched.backend.observe(context.app);
    const { epoch } = context.watched.backend;
    await context.replaceVelosd();
    expect(context.watched.backend.epoch).toBe(epoch);
    expect(context.watched.backend.apps()).toContain(context.app);
    const essence = before.map(({ index, status, run, pid, fingerprint: print, restarts, unit }) => ({
      ...{ index, status, run, fingerprint: print, restarts, unit },
      ...(pid !== undefined && { pid }),
    }));
    expect(context.watched.backend.observe(context.app)).toMatchObject(essence);
  });

  test("what was adopted can be stopped and restarted", async () => {
    await context.start({ does: "run" }, {}, 0, 2);
    await context.start({ does: "run" }, {}, 1, 2);
    const { run } = context.watched.one(context.app, 1)!;
    await context.replaceVelosd();
    await context.watched.backend.stop(context.app, 0);
    await context.watched.untilGone(context.app, 0);
    await context.watched.backend.restart(context.app, 1);
    await context.watched.until(
      context.app,
      1,
      "on a new run",
      (instance) => instance.status === "online" && instance.run !== run,
    );
  });

  test("what was adopted is restarted when it crashes", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 50 });
    await context.replaceVelosd();
    context.harness.crash(context.watched.backend, context.app, 0);
    const after = await context.watched.until(
      context.app,
      0,
      "restarted",
      ({ status, restarts }) => status === "online" && restarts === 1,
    );
    expect(after.exit).toBeDefined();
  });

  test("what crashes while velosd is away runs again, and it counts", async () => {
    await context.start({ does: "run" }, { restartDelayMs: 50 });
    const { run } = context.watched.one(context.app, 0)!;
    const { backend } = context.watched;
    const crash = context.harness.crash.bind(context.harness, backend, context.app, 0);
    if (!context.harness.real) {
      await backend.close();
      crash();
    } else {
      const { pid } = context.watched.one(context.app, 0)!;
      await backend.close();
      process.kill(pid!, "SIGKILL");
    }
    context.watched = await new Watched(context.harness.makeBackend()).open();
    const after = await context.watched.until(
      context.app,
      0,
      "restarted",
      ({ status, restarts }) => status === "online" && restarts === 1,
    );
    expect(after.run).not.toBe(run);
  });

  test("a dead instance is still there for the next velosd", async () => {
    await context.startBriefly({ does: "exit", code: 3 }, { autorestart: false });
    await context.watched.until(context.app, 0, "dead", isDead);
    await context.replaceVelosd();
    expect(context.watched.one(context.app, 0)).toMatchObject({ status: "errored", exit: { code: 3 } });
  });
};
