import { execFile, execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "./systemd/free-port.ts";
import { until } from "./systemd/until.ts";

const exec = promisify(execFile);
const podman = async (...args: string[]): Promise<string> =>
  (await exec("podman", args, { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();

/** Asks nothing of the machine's control groups or network set-up. */
const BUILD = ["build", "--quiet", "--isolation=chroot"];
/** crun refuses control groups of version 1, alone or beside version 2. */
const CGROUP2 = 0x63677270;
const runtime = statfsSync("/sys/fs/cgroup").type === CGROUP2 ? [] : ["--runtime=runc"];
const node = `localhost/velos-example-node:${process.pid}`;
const image = `localhost/velos-example:${process.pid}`;
let context: string;
const containers: string[] = [];

/** What docker.io/library/node is, as far as the example needs it: made of this machine's Node, without a registry. */
const buildNode = async (): Promise<void> => {
  const directory = join(context, "node");
  mkdirSync(directory);
  cpSync(process.execPath, join(directory, "node"));
  const npm = dirname(dirname(realpathSync(execFileSync("which", ["npm"], { encoding: "utf8" }).trim())));
  cpSync(npm, join(directory, "npm"), { recursive: true });
  writeFileSync(
    join(directory, "Dockerfile"),
    [
      "FROM docker.io/library/debian:bookworm",
      "COPY node /usr/local/bin/node",
      "COPY npm /usr/local/lib/node_modules/npm",
      "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --create-home node",
    ].join("\n"),
  );
  await podman(...BUILD, "--tag", node, directory);
};

beforeAll(async () => {
  context = mkdtempSync(join(tmpdir(), "velos-image-"));
  await exec("test/system/base-image", ["podman"]);
  await buildNode();
  const app = join(context, "app");
  cpSync("packaging/examples", app, { recursive: true });
  await exec("npm", ["pack", "--ignore-scripts", "--pack-destination", app]);
  renameSync(
    join(
      app,
      readdirSync(app).find((name) => name.endsWith(".tgz"))!,
    ),
    join(app, "velos.tgz"),
  );
  await podman(...BUILD, "--from", node, "--tag", image, app);
}, 300_000);
afterAll(async () => {
  for (const container of containers) await podman("rm", "--force", "--time", "0", container);
  await podman("rmi", "--force", image, node).catch(() => undefined);
  rmSync(context, { recursive: true, force: true });
}, 60_000);

/** The highest that common machines allow; podman's own default can be above the machine's. */
const limits = ["--ulimit=nofile=20000:20000", "--ulimit=nproc=30000:30000"];

const run = async (...args: string[]): Promise<string> => {
  const container = await podman("run", "--detach", "--network=host", ...limits, ...runtime, ...args);
  containers.push(container);
  return container;
};
const status = (port: number): Promise<number | undefined> =>
  new Promise((done, fail) => {
    get({ port, host: "127.0.0.1", agent: false }, (response) => {
      response.resume().on("end", () => done(response.statusCode));
    }).on("error", fail);
  });

it("the example serves, is looked at from within, and stops gracefully", async () => {
  const port = await freePort();
  const file = join(context, "velos.toml");
  execFileSync("sed", [`s/"3000"/"${port}"/;w ${file}`, resolve("packaging/examples/velos.toml")]);
  const container = await run("--volume", `${file}:/app/velos.toml:ro`, image);
  await until("it serves", () => status(port).catch(() => undefined), 30_000);
  const velos = (...args: string[]): Promise<string> => podman("exec", container, "velos", ...args);
  await until("all are online", async () => (await velos("list")).match(/ online /g)?.length === 3, 30_000);
  expect(await velos("reload", "web")).toContain("web:1");
  expect(await status(port)).toBe(200);
  expect(await podman("exec", container, "cat", "/proc/1/comm")).toBe("velos-run");
  await podman("stop", "--time", "30", container);
  const said = await podman("logs", container);
  expect(said).toMatch(/^web:0 \| listening on /m);
  expect(said).toContain("worker:0 | worker 0 has finished its last job");
  expect(await podman("inspect", "--format", "{{.State.ExitCode}}", container)).toBe("0");
}, 120_000);

it("a container ends with the exit code of its app", async () => {
  const container = await run(image, "velos-run", "--no-autorestart", "--", "sh", "-c", "echo done; exit 9");
  expect(await podman("wait", container)).toBe("9");
  expect(await podman("logs", container)).toBe("done");
}, 60_000);
