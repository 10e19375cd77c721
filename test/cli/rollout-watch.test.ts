import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Connection } from "../../src/client/connection.ts";
import { TestVelosd, until } from "./harness.ts";

let velosd: TestVelosd;
beforeEach(async () => {
  velosd = await TestVelosd.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await velosd.close();
});

it("velos rollout status --watch ends also when the rollout does just after it was said to be on its way", async () => {
  const { world, controller } = velosd;
  const file = '[apps.api]\nscript = "server.js"\ninstances = 2\nrollout = { pause = 0 }\nmin_uptime = 0\n';
  await writeFile(join(velosd.home, "velos.toml"), file);
  await velosd.velos("start", "--config", "velos.toml");
  let letOn!: () => void;
  const held = new Promise<void>((resolve) => (letOn = resolve));
  world.delay = (operation) => (operation === "restart" ? held : undefined);
  const reloaded = velosd.velos("reload", "api");
  const status = (): string | undefined => controller.converge.get("api")!.record.rollout?.status;
  await until(() => status() === "running", "a rollout");

  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its connection below
  const { call } = Connection.prototype;
  let asked = 0;
  vi.spyOn(Connection.prototype, "call").mockImplementation(async function (this: Connection, ...args) {
    const answer: unknown = await call.apply(this, args);
    if (args[0] === "rollout" && ++asked === 1) {
      letOn();
      await until(() => status() === "done", "the end of the rollout");
    }
    return answer as never;
  });
  expect(await velosd.velos("rollout", "status", "api", "--watch")).toMatchObject({ code: 0 });
  await reloaded;
});
