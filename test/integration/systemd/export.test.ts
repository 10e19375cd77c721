import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { get } from "node:http";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { freePort, freePorts } from "./free-port.ts";
import { useScene } from "./scene.ts";
import { property, systemctl } from "./systemctl.ts";
import { nothingLost, underLoad } from "./under-load.ts";
import { until } from "./until.ts";

const exec = promisify(execFile);
const scene = useScene();
/** Where the user's manager looks for units that are there until it ends. */
const units = join(process.env["XDG_RUNTIME_DIR"] ?? "", "systemd/user");
let started: string[] = [];

afterEach(async () => {
  for (const unit of started) {
    await systemctl("stop", `${unit}.target`, `${unit}.socket`, `${unit}@*.service`).catch(() => {});
    for (const name of readdirSync(units)) if (name.startsWith(unit)) rmSync(join(units, name), { recursive: true });
  }
  rmSync(join(units, "velos-preload.cjs"), { force: true });
  started = [];
  await systemctl("daemon-reload");
});

/** Exports the apps of a velos.toml as units of this manager. */
const exported = async (app: string, toml: string): Promise<void> => {
  scene.write("velos.toml", toml);
  mkdirSync(units, { recursive: true });
  started.push(app);
  await scene.must("export", "systemd", "-f", "velos.toml", "-o", units);
  await systemctl("daemon-reload");
};

const body = (port: number): Promise<string> =>
  new Promise((done, fail) => {
    get({ port, host: "127.0.0.1", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => done(text));
    }).on("error", fail);
  });

describe("velos export systemd", () => {
  it("makes units that serve, restart one by one without a lost request, and stop, all without velos", async () => {
    const port = await freePort();
    await exported(
      "exported",
      `[apps.exported]\nscript = "${resolve("packaging/examples/http.mjs")}"\ninstances = 3\nlisten = ["127.0.0.1:${port}"]\n`,
    );
    const { stderr } = await exec("systemd-analyze", ["--user", "verify", ...unitFiles("exported")]);
    expect(stderr).toBe("");
    await systemctl("start", "exported.target");
    expect(await body(port)).toMatch(/^hello from instance [012] /);
    const pids = await mainPids("exported", 3);
    const seen = await underLoad({ url: `http://127.0.0.1:${port}/` }, async () =>
      systemctl("start", "exported-reload.service"),
    );
    expect(seen).toMatchObject(nothingLost);
    const after = await mainPids("exported", 3);
    for (const pid of after) expect(pids).not.toContain(pid);
    await systemctl("stop", "exported.target");
    // Each has a job of its own, and a connection that comes while the socket goes is reset.
    const parts = ["exported.socket", ...[0, 1, 2].map((index) => `exported@${index}.service`)];
    for (const unit of parts)
      await until(`${unit} is down`, async () => (await property(unit, "ActiveState")) === "inactive");
    await expect(body(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(await property("velosd.service", "ActiveState")).toBe("inactive");
  });

  it("gives each instance its number, its own port, its variables as they are, and secrets out of sight", async () => {
    const port = await freePorts(2);
    scene.write("env", "TOKEN=s3cret\n");
    scene.script(
      "numbered.sh",
      `for word; do echo "$word"; done >"args-$VELOS_INSTANCE_ID"`,
      `env -0 >"tmp-$VELOS_INSTANCE_ID" && mv "tmp-$VELOS_INSTANCE_ID" "env-$VELOS_INSTANCE_ID"`,
      "exec sleep 1000",
    );
    await exported(
      "numbered",
      `[apps.numbered]\nscript = "${scene.path("numbered.sh")}"\ninstances = 2\nargs = ["$X", "50%", "a b;c"]
       increment_var = "PORT"\ninstance_var = "NUMBER"\nenv_file = "env"\nenv = { PORT = "${port}", AWKWARD = ${JSON.stringify(`50% "q" \\ $HOME \n ü`)} }\n
       cron_restart = "0 3 * * 1-5"\nmemory_max = "100M"\n[apps.numbered.systemd]\nIOWeight = 50\n`,
    );
    const { stderr } = await exec("systemd-analyze", ["--user", "verify", ...unitFiles("numbered")]);
    expect(stderr).toBe("");
    await systemctl("start", "numbered.target");
    for (const index of [0, 1]) {
      const variables = await until("it wrote its environment", () => environment(`env-${index}`));
      expect(variables).toMatchObject({
        PORT: String(port + index),
        NUMBER: String(index),
        NODE_APP_INSTANCE: String(index),
        TOKEN: "s3cret",
        AWKWARD: `50% "q" \\ $HOME \n ü`,
      });
    }
    expect(scene.lines("args-0")).toEqual(["$X", "50%", "a b;c"]);
    expect(await systemctl("show", "numbered@0.service")).not.toContain("s3cret");
    expect(statSync(join(units, "numbered.env")).mode & 0o777).toBe(0o600);
    expect(await property("numbered@0.service", "MemoryMax")).toBe(String(100 * 1024 ** 2));
    await systemctl("start", "numbered-reload.timer");
    expect(await property("numbered-reload.timer", "TimersCalendar")).toContain("OnCalendar=Mon..Fri *-*-* 03:00:00");
    await systemctl("stop", "numbered-reload.timer");
  });

  // Where mounts are private, as in this tier, the instance does not see its secrets; without the file it would not start.
  it("gives secrets that are texts as files, which nobody else may read", async () => {
    const text = '50% s3cret:"x"\n';
    scene.script("reads.sh", "exec sleep 1000");
    await exported(
      "reads",
      `[apps.reads]\nscript = "${scene.path("reads.sh")}"\nautorestart = false\n[apps.reads.credentials]\nkey = { text = ${JSON.stringify(text)} }\n`,
    );
    const { stderr } = await exec("systemd-analyze", ["--user", "verify", ...unitFiles("reads")]);
    expect(stderr).toBe("");
    const file = join(units, "reads.credentials/key");
    expect([statSync(file).mode & 0o777, readFileSync(file, "utf8")]).toEqual([0o600, text]);
    await systemctl("start", "reads@0.service");
    for (const shown of [await systemctl("show", "reads@0.service"), await systemctl("cat", "reads@0.service")])
      expect(shown).not.toContain("s3cret");
    await systemctl("stop", "reads@0.service");
    rmSync(file);
    await expect(systemctl("start", "reads@0.service")).rejects.toThrow();
  });

  it("exports what runs, as velos has it", async () => {
    await scene.must("start", "sleep 1000", "--name", "running", "-i", "2");
    const { stdout, stderr } = await scene.must("export", "systemd", "running");
    expect(stdout).toContain("Wants=running@0.service running@1.service");
    expect(stderr).toContain("velos: running: rollout: ");
    expect(await scene.velos("export", "systemd", "nope")).toMatchObject({ code: 3 });
    expect(await scene.velos("export", "kubernets")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("did you mean `kubernetes`?"),
    });
    await scene.must("export", "kubernetes", "running", "-o", "out");
    expect(await scene.velos("export", "kubernetes", "running", "-o", "out")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("kubernetes.yaml is there already"),
    });
  });
});

const unitFiles = (app: string): string[] =>
  readdirSync(units)
    .filter((name) => name.startsWith(app) && /\.(?:service|socket|target|timer)$/.test(name))
    .map((name) => join(units, name.replace("@.", "@0.")));

const mainPids = async (app: string, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => property(`${app}@${index}.service`, "MainPID")));

/** What an instance wrote of its environment, once all of it is there. */
const environment = (file: string): Record<string, string> | undefined => {
  const path = scene.path(file);
  if (!existsSync(path)) return undefined;
  return Object.fromEntries(
    readFileSync(path, "utf8")
      .split("\0")
      .map((pair) => pair.split(/=(.*)/s, 2) as [string, string]),
  );
};
