import fc from "fast-check";
import { expect, it } from "vitest";
import { healthDefaults } from "../../src/domain/app.ts";
import { exportNomad } from "../../src/export/nomad.ts";
import { specOf } from "../domain/spec.ts";
import { apps } from "./specs.ts";

interface Task {
  Config: { args: string[] };
  Env: Record<string, string>;
}
interface Job {
  ID: string;
  Type: string;
  Meta?: Record<string, string>;
  Update?: Record<string, number>;
  TaskGroups: { Count: number; RestartPolicy: Record<string, unknown>; Tasks: Task[] }[];
}
const jobOf = (text: string): Job => (JSON.parse(text) as { Job: Job }).Job;

const api = specOf({
  listen: [{ port: 3000 }],
  env: { PRICE: "${B} $C" },
  secretEnv: { TOKEN: "s3cret" },
  memoryMaxBytes: 512 * 1024 ** 2,
  killTimeoutMs: 7000,
  user: "www-data",
  health: { ...healthDefaults, http: "/healthz" },
  rollout: { maxUnavailable: 2, surge: 0, minReadyMs: 2000, pauseMs: 3000 },
});

it("is a job with an update block, a port for each instance, and checks", () => {
  const { files } = exportNomad([{ spec: api, instances: 4 }]);
  expect(files[0]!.name).toBe("api.nomad.json");
  expect(jobOf(files[0]!.text)).toMatchObject({
    ID: "api",
    Type: "service",
    Update: { MaxParallel: 2, MinHealthyTime: 2e9, HealthyDeadline: 60e9, AutoRevert: true, Stagger: 3e9 },
    TaskGroups: [
      {
        Count: 4,
        Networks: [{ DynamicPorts: [{ Label: "http" }] }],
        Services: [{ PortLabel: "http", Checks: [{ Type: "http", Path: "/healthz", CheckRestart: { Limit: 3 } }] }],
        Tasks: [
          {
            Driver: "raw_exec",
            Config: {
              command: "/bin/sh",
              args: ["-c", 'cd "$0" && exec "$@"', "/srv", "/usr/bin/node", "/srv/server.js"],
            },
            Env: { PRICE: "${B} $C", PORT: "${NOMAD_PORT_http}", NODE_APP_INSTANCE: "${NOMAD_ALLOC_INDEX}" },
            User: "www-data",
            KillTimeout: 7e9,
            Resources: { MemoryMB: 512 },
            Templates: [{ DestPath: "secrets/env", Envvars: true }],
          },
        ],
      },
    ],
  });
  expect(files[0]!.text).not.toContain("s3cret");
});

it("escapes what a driver's configuration would fill in, and says what of env cannot be escaped", () => {
  const spec = specOf({ args: ["${HOME}/x", "%{http_code}", "$X 50%"], env: { TPL: "${HOME}/x", JS: "${a + b}" } });
  const { files, remarks } = exportNomad([{ spec, instances: 1 }]);
  const { TaskGroups, Meta } = jobOf(files[0]!.text);
  const [task] = TaskGroups[0]!.Tasks;
  expect(task!.Config.args.slice(-3)).toEqual(["$${HOME}/x", "%%{http_code}", "$X 50%"]);
  expect(task!.Env).toMatchObject({ TPL: "${HOME}/x", JS: "${a + b}", NODE_APP_INSTANCE: "${NOMAD_ALLOC_INDEX}" });
  const why = "TPL: where Nomad knows a name in the braces after a $, it fills it in";
  expect(remarks).toContainEqual({ app: "api", key: "env", why });
  expect(Meta).toMatchObject({ velos_env: why });
});

it("is a container with --image", () => {
  const { files } = exportNomad([{ spec: api, instances: 1 }], { image: "registry/{app}:2" });
  expect(jobOf(files[0]!.text).TaskGroups[0]).toMatchObject({
    Networks: [{ DynamicPorts: [{ Label: "http", To: 3000 }] }],
    Tasks: [{ Driver: "docker", Config: { image: "registry/api:2", command: "node", args: ["server.js"] } }],
  });
});

it("has only what Nomad's rules allow, whatever the apps", () => {
  fc.assert(
    fc.property(apps, (all) => {
      const { files } = exportNomad(all);
      expect(files).toHaveLength(all.length);
      for (const [index, { text }] of files.entries()) {
        const { Update, TaskGroups, Type } = jobOf(text);
        expect(Type).toBe(all[index]!.spec.autorestart ? "service" : "batch");
        // `nomad job validate` refuses what does not keep to these.
        if (Update) {
          expect(Update["MaxParallel"]).toBeGreaterThan(0);
          expect(Update["HealthyDeadline"]).toBeGreaterThan(Update["MinHealthyTime"]!);
          expect(Update["ProgressDeadline"]).toBeGreaterThan(Update["HealthyDeadline"]!);
        }
        expect(TaskGroups[0]!.RestartPolicy["Interval"]).toBeGreaterThanOrEqual(5e9);
        for (const value of Object.values(TaskGroups[0]!.Tasks[0]!.Env)) expect(typeof value).toBe("string");
      }
    }),
  );
});
