import fc from "fast-check";
import type { AppSpec, HealthCheck } from "../../src/domain/app.ts";
import { healthDefaults } from "../../src/domain/app.ts";
import type { Sandbox } from "../../src/domain/sandbox.ts";
import { specOf } from "../domain/spec.ts";

const duration = fc.integer({ min: 0, max: 100_000 });
const text = fc.oneof(fc.string(), fc.constantFrom('$HOME ${X} 50% "q" \\ $(A)', "a\nb", "ü"));
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
const variables = fc.dictionary(
  name,
  text.filter((value) => !value.includes("\0")),
  {
    maxKeys: 3,
    noNullPrototype: true,
  },
);
const listen = fc.array(
  fc.oneof(
    fc.record({ host: fc.constantFrom("127.0.0.1", "::1"), port: fc.integer({ min: 1, max: 65_535 }) }),
    fc.record({ port: fc.integer({ min: 1, max: 65_535 }) }),
    fc.record({ path: fc.constant("/run/api.sock"), mode: fc.constant(0o660) }),
  ),
  { maxLength: 2 },
);
const health = fc
  .oneof(
    fc.record({ http: fc.constantFrom("/healthz", "http://127.0.0.1:{PORT}/x?y=1", "https://localhost/z") }),
    fc.record({ tcp: fc.constantFrom("127.0.0.1:{PORT}", "127.0.0.1:80") }),
    fc.record({ command: fc.constant<string[]>(["./check.sh", "$X"]) }),
  )
  .map((kind): HealthCheck => ({ ...healthDefaults, ...kind }));

/** Specs of every kind that the configuration lets through. */
export const specs: fc.Arbitrary<AppSpec> = fc
  .record(
    {
      name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,12}$/),
      args: fc.array(
        text.filter((value) => !value.includes("\0")),
        { maxLength: 3 },
      ),
      env: variables,
      secretEnv: variables,
      user: fc.constantFrom("1000", "www-data"),
      group: fc.constantFrom("1000", "www-data"),
      autorestart: fc.boolean(),
      maxRestarts: fc.integer({ min: 0, max: 100 }),
      minUptimeMs: duration,
      restartDelayMs: duration,
      killTimeoutMs: duration.map((ms) => ms + 1),
      killSignal: fc.constantFrom("SIGTERM", "SIGINT"),
      waitReady: fc.boolean(),
      listenTimeoutMs: duration.map((ms) => ms + 1),
      stopExitCodes: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 2 }),
      memoryMaxBytes: fc.integer({ min: 1024 ** 2, max: 2 ** 40 }),
      maxMemoryRestartBytes: fc.integer({ min: 1024 ** 2, max: 2 ** 40 }),
      cpuQuotaPercent: fc.integer({ min: 1, max: 1000 }),
      tasksMax: fc.integer({ min: 1, max: 1000 }),
      listen,
      health,
      watch: fc.constant<string[]>(["/srv/src"]),
      cronRestart: fc.constantFrom("0 3 * * *", "*/5 * 1 * 1-5"),
      instanceVar: name,
      incrementVar: fc.constantFrom("PORT", "OFFSET"),
      rollout: fc.record(
        {
          maxUnavailable: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant("25%")),
          surge: fc.integer({ min: 0, max: 3 }),
          pauseMs: duration,
          minReadyMs: duration,
          deadlineMs: duration.map((ms) => ms + 1),
          onFailure: fc.constantFrom("revert" as const, "stop" as const),
        },
        { requiredKeys: [] },
      ),
      sandbox: fc.constantFrom<Sandbox[]>(
        { profile: "strict", capabilities: ["CAP_NET_BIND_SERVICE"], write: ["/srv/data"] },
        { profile: "default" },
        { profile: "none" },
      ),
      systemd: fc.constantFrom<Record<string, number>[]>({}, { IOWeight: 50 }),
    },
    { requiredKeys: [] },
  )
  .map((changes) => specOf(changes));

/** Apps, each of another name. */
export const apps = fc.uniqueArray(fc.record({ spec: specs, instances: fc.integer({ min: 1, max: 5 }) }), {
  selector: ({ spec }) => spec.name,
  minLength: 1,
  maxLength: 3,
});
