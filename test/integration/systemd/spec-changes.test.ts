import { expect, it } from "vitest";
import { useScene } from "./scene.ts";
import { property, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();
const UNIT = "velos-app@0.service";
const MB = 2 ** 20;

it("a limit that velos did not set stays, whatever is started again; one that it set is lifted with it", async () => {
  const write = (own: string): string =>
    scene.write("velos.toml", `[apps.app]\nscript = "sleep 1000"\n${own}[apps.app.systemd]\nMemoryHigh = "600M"\n`);
  const start = async () => scene.must("start", "--config", write(""));
  await start();
  await systemctl("set-property", "--runtime", UNIT, "TasksMax=77", `MemoryMax=${800 * MB}`);
  await start();
  const limits = async () => Promise.all(["TasksMax", "MemoryMax", "MemoryHigh"].map((name) => property(UNIT, name)));
  expect(await limits()).toEqual(["77", String(800 * MB), String(600 * MB)]);

  // Velos's own now, and no longer: another's that has been put in its place stays again.
  await scene.must("start", "--config", write('memory_max = "500M"\ntasks_max = 50\n'));
  expect(await limits()).toEqual(["50", String(500 * MB), String(600 * MB)]);
  await systemctl("set-property", "--runtime", UNIT, "TasksMax=99");
  await start();
  expect(await limits()).toEqual(["99", "infinity", String(600 * MB)]);
});

it("an instance that is restarted in the middle of a rollout has the secrets of the spec that it was started with", async () => {
  const program = scene.script("app.sh", `echo "$1 $S" >> ${scene.path("runs")}`, "exec sleep 1000");
  const write = (word: string): string => {
    scene.write("secrets.env", `S=${word}\n`);
    return scene.write(
      "velos.toml",
      `[apps.app]\nscript = "${program}"\nargs = ["${word}"]\nenv_file = "secrets.env"\ninstances = 2\n` +
        `[apps.app.rollout]\npause = "10m"\n`,
    );
  };
  await scene.must("start", "--config", write("old"));
  const update = scene.velos("start", "--config", write("new"));
  await until("the first is replaced", () => scene.lines("runs").includes("new new"));
  await scene.must("rollout", "pause", "app");
  process.kill(Number(await property(UNIT, "MainPID")), "SIGKILL");
  await until("it runs again", () => scene.lines("runs").length === 4);
  expect(scene.lines("runs")).toEqual(["old old", "old old", "new new", "old old"]);
  const velosd = await scene.connect();
  for (const [selector, S] of Object.entries({ "app:0": "old", "app:1": "new" }))
    expect((await velosd.call("env", { selector, secrets: true })).env).toMatchObject({ S });
  await scene.must("delete", "app");
  await update;
});
