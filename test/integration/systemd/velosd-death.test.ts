import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Connection } from "../../../src/client/connection.ts";
import type { AppView } from "../../../src/controller/views.ts";
import type { AppSpec } from "../../../src/domain/app.ts";
import { VelosError } from "../../../src/domain/errors.ts";
import { randomFrom } from "./random.ts";
import { report } from "./report.ts";
import { useScene } from "./scene.ts";
import { shownInstances } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();

const ROUNDS = 100;
/** VELOS_TEST_SEED repeats a run. */
const SEED = Number(process.env["VELOS_TEST_SEED"] ?? Date.now() % 1_000_000);

const APPS = ["api", "api-web", "worker"];
const MOST = 5;

/** What the test expects of one app: which instances run, and by which processes. Undefined: there is no such app. */
interface Expected {
  count: number;
  running: Set<number>;
  /** False after the whole app was stopped: what is added by scaling then stays down. */
  up: boolean;
}

/** One command, with what is to be when it is done. */
interface Command {
  text: string;
  run: (velosd: Connection) => Promise<unknown>;
  after: Expected | undefined;
  /** Instances that it must leave alone. */
  keeps: Set<number>;
}

const all = (count: number): Set<number> => new Set(Array.from({ length: count }, (_, index) => index));

describe("kill -9 of velosd", () => {
  it(`at ${ROUNDS} random moments of start, scale, stop, delete and restart leaves nothing wrong and nothing unfinished`, async () => {
    const random = randomFrom(SEED);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
    const script = scene.script(
      "run.sh",
      `echo "$VELOS_APP $VELOS_INSTANCE_ID $$" >> ${scene.path("runs")}`,
      "exec sleep 1000",
    );
    await scene.must("start", script, "--name", "model");
    let velosd = await Connection.open(scene.paths.socket);
    const { spec: model } = await velosd.call("describe", { selector: "model" });
    await velosd.call("delete", { selectors: ["model"] });

    const world = new Map<string, Expected>();
    const commandFor = (app: string): Command => {
      const now = world.get(app);
      const count = 1 + Math.floor(random() * MOST);
      const spec: AppSpec = { ...model, name: app };
      if (!now) {
        return {
          text: `start ${app} -i ${count}`,
          run: (daemon) => daemon.call("start", { spec, instances: count }),
          after: { count, running: all(count), up: true },
          keeps: new Set(),
        };
      }
      const selectors = [app];
      const kind = pick(["scale", "scale", "stop", "stop one", "restart", "restart one", "resume", "delete"]);
      const one = Math.floor(random() * now.count);
      switch (kind) {
        case "scale": {
          const added = [...all(count)].filter((index) => index >= now.count);
          const wasRunning = now.up;
          const running = new Set([...now.running].filter((index) => index < count));
          if (wasRunning) for (const index of added) running.add(index);
          return {
            text: `scale ${app} ${count}`,
            run: (daemon) => daemon.call("scale", { app, instances: count }),
            after: { count, running, up: now.up },
            keeps: new Set([...now.running].filter((index) => index < count)),
          };
        }
        case "stop":
          return {
            text: `stop ${app}`,
            run: (daemon) => daemon.call("stop", { selectors }),
            after: { count: now.count, running: new Set(), up: false },
            keeps: new Set(),
          };
        case "stop one": {
          const running = new Set([...now.running].filter((index) => index !== one));
          return {
            text: `stop ${app}:${one}`,
            run: (daemon) => daemon.call("stop", { selectors: [`${app}:${one}`] }),
            after: { count: now.count, running, up: now.up },
            keeps: running,
          };
        }
        case "restart":
          return {
            text: `restart ${app}`,
            run: (daemon) => daemon.call("restart", { selectors }),
            after: { count: now.count, running: all(now.count), up: true },
            keeps: new Set(),
          };
        case "restart one":
          return {
            text: `restart ${app}:${one}`,
            run: (daemon) => daemon.call("restart", { selectors: [`${app}:${one}`] }),
            after: { count: now.count, running: new Set([...now.running, one]), up: true },
            keeps: new Set([...now.running].filter((index) => index !== one)),
          };
        case "resume":
          return {
            text: `start ${app}`,
            run: (daemon) => daemon.call("resume", { selectors }),
            after: { count: now.count, running: all(now.count), up: true },
            keeps: now.running,
          };
        default:
          return {
            text: `delete ${app}`,
            run: (daemon) => daemon.call("delete", { selectors }),
            after: undefined,
            keeps: new Set(),
          };
      }
    };

    const list = async (): Promise<AppView[]> => (await velosd.call("list", {})).apps;
    /** Pids by unit, as velos tells them and as the manager tells them; both must be the same. */
    const truth = async (): Promise<Map<string, number>> => {
      const listed = new Map(
        (await list()).flatMap(({ processes }) =>
          processes.flatMap(({ unit, pid, status }): [string, number][] =>
            status === "online" ? [[unit!, pid!]] : [],
          ),
        ),
      );
      const units = await shownInstances();
      const shown = new Map([...units].map(([unit, { mainPid }]) => [unit, mainPid]));
      expect(new Map([...listed].sort())).toEqual(new Map([...shown].sort()));
      return shown;
    };
    /** Which runs there are, in a form that can be compared. */
    const runIds = (view: AppView | undefined): string =>
      JSON.stringify(view?.processes.map(({ status, run }) => (status === "online" ? run : undefined)));
    /** Runs that began, by unit. */
    const runs = (): Map<string, number> => {
      const counts = new Map<string, number>();
      for (const line of scene.lines("runs")) {
        const [app, index] = line.split(" ");
        const unit = `velos-${app}@${index}.service`;
        counts.set(unit, (counts.get(unit) ?? 0) + 1);
      }
      return counts;
    };

    let before = new Map<string, number>();
    const story: string[] = [];
    let unanswered = 0;
    const began = performance.now();
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const app = pick(APPS);
        const command = commandFor(app);
        const killAfterMs = random() ** 2 * 150;
        story.push(`${round}: ${command.text}, killed after ${killAfterMs.toFixed(1)} ms`);
        const runsBefore = runs();
        const idsBefore = runIds((await list()).find(({ name }) => name === app));
        const { pid: daemonPid } = await velosd.call("ping", {});
        const first = command.run(velosd).then(
          () => "done",
          (error: unknown) => error,
        );
        await delay(killAfterMs);
        process.kill(daemonPid, "SIGKILL");
        const outcome = await first;
        if (outcome !== "done") {
          unanswered++;
          expect((outcome as VelosError).code).toBe("DAEMON_UNREACHABLE");
        }

        velosd = await until("velosd is back", async () => Connection.open(scene.paths.socket).catch(() => undefined));
        // A restart that was written down goes on by itself; asking for it again would be another one.
        const finished = command.text.startsWith("restart")
          ? await until("the restart is over", async () => {
              const view = (await list()).find(({ name }) => name === app);
              return view?.rollout?.status !== "running" && view;
            })
          : undefined;
        // By the manager's own word: what the program writes comes a moment after it is up.
        const restarted = finished !== undefined && runIds(finished) !== idsBefore;
        if (!restarted) {
          try {
            await command.run(velosd);
          } catch (error) {
            // It was deleted before velosd died.
            if (!(error instanceof VelosError) || error.code !== "APP_NOT_FOUND" || command.after) throw error;
          }
        }

        if (command.after) world.set(app, command.after);
        else world.delete(app);
        const expected = [...world].flatMap(([name, { running }]) =>
          [...running].map((index) => `velos-${name}@${index}.service`),
        );
        const after = await truth();
        expect([...after.keys()].sort()).toEqual(expected.sort());
        expect((await list()).map(({ name, instances }) => `${name} ${instances}`).sort()).toEqual(
          [...world].map(([name, { count }]) => `${name} ${count}`).sort(),
        );
        for (const [unit, pid] of before) {
          const [, name, index] = /^velos-(.+)@(\d+)\.service$/.exec(unit)!;
          if (name === app && !command.keeps.has(Number(index))) continue;
          expect(after.get(unit), `${unit} keeps its process`).toBe(pid);
        }
        // Nothing was started twice over.
        for (const [unit, count] of runs()) {
          expect(count - (runsBefore.get(unit) ?? 0), `runs of ${unit}`).toBeLessThanOrEqual(1);
        }
        before = after;
      }
    } catch (error) {
      throw new Error(`seed ${SEED}, the last of the story:\n${story.slice(-14).join("\n")}`, { cause: error });
    } finally {
      velosd.close();
      const seconds = (performance.now() - began) / 1000;
      report(
        `velosd killed ${story.length} times in ${seconds.toFixed(0)} s, ${unanswered} times before it answered (seed ${SEED})`,
      );
    }
  }, 300_000);
});
