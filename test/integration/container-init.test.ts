import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, expect, it } from "vitest";
import { velosProgram } from "./metrics-server.ts";
import { SpawnHome } from "./spawn-home.ts";

let home: SpawnHome;
beforeEach(() => {
  home = new SpawnHome();
});
afterEach(() => home.close());

// A container whose first process is an application: nobody takes note of processes that end without a parent.
it("velos kill sees that velosd has ended where no init reaps", () => {
  const script = `
    const { spawnSync } = require("child_process");
    const velos = (...args) => spawnSync(process.execPath, [${JSON.stringify(velosProgram)}, ...args], { encoding: "utf8" });
    const results = [velos("ping"), velos("kill")].map(({ status, stderr }) => ({ status, stderr }));
    process.stdout.write(JSON.stringify(results));
  `;
  const inside = ["--pid", "--fork", "--mount-proc", "--kill-child", process.execPath, "-e", script];
  const { stdout, stderr } = spawnSync("unshare", inside, { env: home.env, encoding: "utf8" });
  expect(stdout, stderr).not.toBe("");
  expect(JSON.parse(stdout)).toMatchObject([{ status: 0 }, { status: 0 }]);
});
