import { expect, test } from "vitest";
import type { ContractContext } from "../contract.ts";
import { isRunning } from "../harness.ts";

/** Instances that say when they are ready. */
export const readinessContract = (context: ContractContext): void => {
  test("with wait_ready a start ends when the app is ready", async () => {
    await context.start({ does: "get-ready" }, { waitReady: true });
    expect(context.watched.one(context.app, 0)?.status).toBe("online");
  });

  test("an app that does not get ready in time is ended, and the start fails", async () => {
    const { watched, app } = context;
    const started = context.start({ does: "run" }, { waitReady: true, listenTimeoutMs: 500, autorestart: false });
    const refusal = expect(started).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    const { pid } = await watched.until(
      app,
      0,
      "starting",
      (instance) => instance.status === "starting" && (!context.harness.real || instance.pid !== undefined),
    );
    await refusal;
    expect(["absent", "stopped", "errored"]).toContain(watched.one(app, 0)?.status ?? "absent");
    if (pid !== undefined) expect(await isRunning(pid)).toBe(false);
    await watched.backend.clear(app, 0);
    await context.start({ does: "run" });
  });

  test("an app that ends before it is ready has failed to start", async () => {
    const started = context.start({ does: "exit", code: 4 }, { waitReady: true, autorestart: false });
    await expect(started).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    expect(["absent", "stopped", "errored"]).toContain(context.watched.one(context.app, 0)?.status ?? "absent");
  });

  test("a stop overtakes a start that is waiting", async () => {
    const started = context.start({ does: "run" }, { waitReady: true, listenTimeoutMs: 60_000 });
    const refusal = expect(started).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    await context.watched.until(context.app, 0, "starting", ({ status }) => status === "starting");
    await context.watched.backend.stop(context.app, 0);
    await refusal;
    await context.watched.untilGone(context.app, 0);
  });
};
