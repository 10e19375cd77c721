import { copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readLoadTable } from "../load/load-table.ts";
import { startLoad } from "../load/load.mjs";
import { must, rows, run, velos, velosAsTester } from "./velos.ts";

const example = "/src/packaging/examples/http.mjs";

interface Found {
  uid: number;
  home: string;
  noNewPrivs: string;
  capabilities: string;
  bounding: string;
  writes: Record<string, string>;
  homes: string[] | string;
  rootsHome: string[] | string;
  othersProcess: string;
  setUserId: number | string;
  module: number | string;
  unshare: string;
  sysctl: string;
  devices: boolean | string;
  processors: number;
  addresses: string[];
  secrets: Record<string, string>;
}

const probe = async (directory: string): Promise<Found> =>
  JSON.parse(await readFile(`${directory}/found.json`, "utf8")) as Found;

/** Waits for the file that an instance writes when it has looked around. */
const found = async (directory: string): Promise<Found> => {
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return await probe(directory);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
};

const config = async (toml: string): Promise<void> => writeFile("/srv/velos-sandbox/velos.toml", toml);
const start = async (by = velos): Promise<void> => {
  const { code, stderr } = await by("start", "--config", "/srv/velos-sandbox/velos.toml");
  expect([code, stderr]).toEqual([0, ""]);
};
const exposure = async (app: string, by = velos): Promise<number> =>
  (JSON.parse((await by("describe", app, "--json")).stdout) as { exposure: number }).exposure;

const EPERM = 1;

beforeAll(async () => {
  await mkdir("/srv/velos-sandbox", { recursive: true });
  await copyFile("/src/test/system/sandbox-probe.cjs", "/srv/velos-sandbox/probe.cjs");
  // `id` with the set-user-ID bit: who executes it is root, unless kept from it.
  await must("sh", "-c", "cp /usr/bin/id /srv/velos-sandbox-id && chmod 4755 /srv/velos-sandbox-id");
});
afterEach(async () => {
  await velos("delete", "all");
  for (const path of ["/var/lib/velos-boxed", "/var/lib/private/velos-boxed", "/srv/velos-sandbox/found.json"])
    await rm(path, { recursive: true, force: true });
});
afterAll(async () => {
  await velos("kill");
  for (const path of ["/srv/velos-sandbox", "/srv/velos-sandbox-id", "/root/boxed"])
    await rm(path, { recursive: true, force: true });
});

describe("a strict app", () => {
  it("can write nowhere but in its state directory, and sees, gains and loads nothing", async () => {
    await config('[apps.boxed]\nscript = "probe.cjs"\nsandbox = "strict"\n');
    await start();
    const was = await found("/var/lib/velos-boxed");
    expect(was.writes).toEqual({
      "/srv/velos-sandbox": "EROFS",
      "/etc": "EROFS",
      "/usr": "EROFS",
      "/var": "EROFS",
      "/srv": "EROFS",
      "/tmp": "done",
      "/var/lib/velos-boxed": "done",
    });
    // Its /tmp is its own.
    expect((await run("ls", "/tmp/velos-sandbox-probe")).code).not.toBe(0);
    expect([was.homes, was.rootsHome, was.othersProcess]).toEqual([[], [], "ENOENT"]);
    expect(was.uid).toBeGreaterThanOrEqual(61184); // the range of users that systemd makes up
    expect(was.setUserId).toBe(was.uid);
    expect([was.noNewPrivs, was.capabilities, was.bounding]).toEqual(["1", "0".repeat(16), "0".repeat(16)]);
    expect(was.module).toBe(EPERM);
    expect(was.unshare).not.toBe("done");
    expect(was.devices).toBe(false);
    expect(was.home).toBe("/var/lib/velos-boxed");
    // What servers ask when they begin is answered.
    expect(was.processors).toBeGreaterThan(0);
    expect(was.addresses).toContain("lo");
  });

  it("serves through the shared socket, says when it is ready, and is rolled without a lost request", async () => {
    await config(`[apps.boxed]
script = "${example}"
instances = 2
listen = ["127.0.0.1:7101"]
sandbox = "strict"
[apps.boxed.health]
http = "/"
interval = "200ms"
`);
    await start();
    expect(await exposure("boxed")).toBeLessThanOrEqual(2.5);
    const before = (await rows()).map(({ pid }) => pid);
    const load = run(
      "sh",
      "-c",
      "for i in $(seq 200); do curl -sf -o /dev/null http://127.0.0.1:7101/ || echo lost; done",
    );
    expect((await velos("reload", "boxed")).code).toBe(0);
    expect((await load).stdout).toBe("");
    const after = await rows();
    expect(after.map(({ status }) => status)).toEqual(["online", "online"]);
    expect(after.map(({ pid }) => pid)).not.toEqual(before);
  });

  it("runs from a home directory, of which it sees itself only", async () => {
    await mkdir("/root/boxed/app", { recursive: true });
    await writeFile("/root/boxed/private", "");
    await copyFile("/src/test/system/sandbox-probe.cjs", "/root/boxed/app/probe.cjs");
    const words = ["--name", "boxed", "--sandbox", "strict", "--cwd", "/root/boxed/app"];
    expect(await velos("start", "/root/boxed/app/probe.cjs", ...words)).toMatchObject({ code: 0, stderr: "" });
    const was = await found("/var/lib/velos-boxed");
    expect(was.rootsHome).toEqual(["boxed"]);
    expect(was.writes["/root/boxed/app"]).toBe("EROFS");
  });

  it("may write what is named, and keeps its sandbox over a reload of the manager", async () => {
    await mkdir("/srv/velos-sandbox/uploads", { recursive: true });
    await must("chmod", "777", "/srv/velos-sandbox/uploads");
    await config(`[apps.boxed]
script = "probe.cjs"
[apps.boxed.env]
PROBE_WRITE = "/srv/velos-sandbox/uploads"
[apps.boxed.sandbox]
profile = "strict"
write = ["uploads"]
`);
    await start();
    expect((await found("/var/lib/velos-boxed")).writes["/srv/velos-sandbox/uploads"]).toBe("done");
    await must("systemctl", "daemon-reload");
    await rm("/var/lib/velos-boxed/found.json");
    await must("systemctl", "restart", "velos-boxed@0");
    expect(await found("/var/lib/velos-boxed")).toMatchObject({ noNewPrivs: "1", rootsHome: [], module: EPERM });
  });

  it("is what [apps.x.systemd] says where that says otherwise", async () => {
    await config(
      '[apps.boxed]\nscript = "probe.cjs"\nsandbox = "strict"\n[apps.boxed.systemd]\nProtectHome = "read-only"\n',
    );
    await start();
    expect((await found("/var/lib/velos-boxed")).homes).toContain("tester");
  });

  it("says why when a path of its sandbox is not there", async () => {
    await config('[apps.boxed]\nscript = "probe.cjs"\nsandbox = { profile = "strict", write = ["missing"] }\n');
    const { code, stderr } = await velos("start", "--config", "/srv/velos-sandbox/velos.toml");
    expect(code).toBe(1);
    expect(stderr).toContain("/srv/velos-sandbox/missing, which the sandbox of boxed names in write, is not there");
  });
});

describe("an app of which nothing is said", () => {
  it("writes next to itself, binds a low port, and cannot change the kernel", async () => {
    await config('[apps.boxed]\nscript = "probe.cjs"\nenv = { PORT = "81" }\nwait_ready = false\n');
    await start();
    const was = await found("/srv/velos-sandbox");
    expect(was.writes).toMatchObject({ "/srv/velos-sandbox": "done", "/etc": "done", "/usr": "done", "/tmp": "done" });
    expect(was).toMatchObject({ uid: 0, setUserId: 0, noNewPrivs: "0", module: EPERM });
    expect(was.homes).toContain("tester");
    expect(["EROFS", "EPERM"]).toContain(was.sysctl);
    expect(
      await must("curl", "-sf", "--retry", "20", "--retry-connrefused", "--retry-delay", "0", "http://127.0.0.1:81/"),
    ).toMatch(/^\d+$/);
    for (const path of ["/etc", "/usr", "/var", "/srv", "/tmp"])
      await rm(`${path}/velos-sandbox-probe`, { force: true });
  });

  it("is exposed no more than 6.0, and 9 and more without a sandbox", async () => {
    await velos("start", example, "--name", "boxed");
    expect(await exposure("boxed")).toBeLessThanOrEqual(6);
    await velos("start", example, "--name", "boxed", "--sandbox", "none");
    expect(await exposure("boxed")).toBeGreaterThan(9);
    const text = (await velos("describe", "boxed:0")).stdout;
    expect(text).toMatch(/exposure +9\.\d of 10/);
  });
});

describe("secrets", () => {
  // As on a machine, where the first systemd sees to it.
  beforeAll(async () => must("mount", "--make-rshared", "/"));

  it("reach the instance, and are shown nowhere", async () => {
    await writeFile("/srv/velos-sandbox/db.key", "of-the-file", { mode: 0o600 });
    await config(`[apps.boxed]
script = "probe.cjs"
sandbox = "strict"
[apps.boxed.credentials]
db = "db.key"
api = { text = "of-the-text" }
`);
    await start();
    expect((await found("/var/lib/velos-boxed")).secrets).toEqual({ db: "of-the-file", api: "of-the-text" });
    await rm("/var/lib/velos-boxed/found.json");
    const shown = await Promise.all([
      must("systemctl", "show", "velos-boxed@0"),
      must("systemctl", "cat", "velos-boxed@0"),
      velos("describe", "boxed", "--json").then(({ stdout }) => stdout),
      velos("env", "boxed:0").then(({ stdout }) => stdout),
      velos("logs", "boxed").then(({ stdout }) => stdout),
      velos("start", "--config", "/srv/velos-sandbox/velos.toml", "--dry-run").then(({ stdout }) => stdout),
      must("journalctl", "--no-pager", "-n", "500"),
    ]);
    for (const text of shown) expect(text).not.toMatch(/of-the-(?:text|file)/);
    expect(shown[2]).toContain('"db"');
    expect((await run("find", "/run/velos/credentials", "-perm", "/077", "-type", "f")).stdout).toBe("");
    // A changed file is read at the next start.
    await writeFile("/srv/velos-sandbox/db.key", "changed");
    await velos("restart", "boxed");
    expect((await found("/var/lib/velos-boxed")).secrets["db"]).toBe("changed");
    await velos("delete", "boxed");
    expect((await run("ls", "/run/velos/credentials/boxed")).code).not.toBe(0);
  });

  it("are decrypted by systemd, for the instance alone", async () => {
    // The name is a part of what is encrypted: under another one it is refused.
    await must(
      "sh",
      "-c",
      "printf sealed | systemd-creds encrypt --with-key=host --name=vault - /srv/velos-sandbox/vault.cred",
    );
    await config(
      '[apps.boxed]\nscript = "probe.cjs"\nsandbox = "strict"\ncredentials = { vault = { encrypted = "vault.cred" } }\n',
    );
    await start();
    expect((await found("/var/lib/velos-boxed")).secrets).toEqual({ vault: "sealed" });
    expect(await readFile("/srv/velos-sandbox/vault.cred", "utf8")).not.toContain("sealed");
    expect(await must("systemctl", "show", "velos-boxed@0")).not.toContain("sealed");
  });

  it("are refused where the manager could not hand them out", async () => {
    await must("mount", "--make-rprivate", "/");
    await config('[apps.boxed]\nscript = "probe.cjs"\ncredentials = { db = { text = "x" } }\n');
    const { code, stderr } = await velos("start", "--config", "/srv/velos-sandbox/velos.toml");
    await must("mount", "--make-rshared", "/");
    expect(code).toBe(1);
    expect(stderr).toContain("boxed cannot be given its secrets: /run is a private mount");
  });

  it("that cannot be read are an error that names them", async () => {
    await config('[apps.boxed]\nscript = "probe.cjs"\ncredentials = { db = "no.key" }\n');
    const { code, stderr } = await velos("start", "--config", "/srv/velos-sandbox/velos.toml");
    expect(code).toBe(1);
    expect(stderr).toContain("the secret db of boxed cannot be read");
  });
});

describe("in a user's scope", () => {
  const state = "/home/tester/.local/state/velos/data/boxed";
  beforeAll(async () => {
    await must("loginctl", "enable-linger", "tester");
    await must("systemctl", "start", "user@1000.service");
    await must("sh", "-c", "mkdir -p /home/tester/app && cp /src/test/system/sandbox-probe.cjs /home/tester/app/");
    await writeFile("/home/tester/diary", "private");
    await must("chown", "-R", "tester:", "/home/tester");
  });
  afterAll(async () => {
    await velosAsTester("delete", "all");
    await velosAsTester("kill");
    await must("rm", "-rf", "/home/tester/app", "/home/tester/diary", "/home/tester/.local");
  });

  it("strict keeps an app to its own directory, as far as a user's manager can", async () => {
    const words = ["--name", "boxed", "--sandbox", "strict", "--cwd", "/home/tester/app"];
    const started = await velosAsTester("start", "/home/tester/app/sandbox-probe.cjs", ...words);
    expect(started).toMatchObject({ code: 0, stderr: "" });
    const was = await found(state);
    expect(was.writes).toMatchObject({ "/home/tester/app": "EROFS", "/etc": "EROFS", "/tmp": "done", [state]: "done" });
    expect(was.rootsHome).toEqual([]);
    expect(was).toMatchObject({ uid: 1000, noNewPrivs: "1", setUserId: 1000, module: EPERM });
    expect(await exposure("boxed", velosAsTester)).toBeLessThanOrEqual(3);
  });

  it("strict apps tell each other their load, also those that the system's manager runs as this user", async () => {
    const words = ["--name", "even", "-i", "2", "--listen", "127.0.0.1:7103", "--sandbox", "strict"];
    for (const [by, more, table] of [
      [velosAsTester, ["--cwd", "/home/tester/app"], "/run/user/1000/velos-load/even"],
      [velos, ["--uid", "tester"], "/run/velos-load/even"],
    ] as const) {
      expect(await by("start", example, ...words, ...more)).toMatchObject({ code: 0, stderr: "" });
      expect(await stat(table)).toMatchObject({ uid: 1000, mode: 0o100600 });
      const load = startLoad({ url: "http://127.0.0.1:7103/", clients: 6 });
      while (String(readLoadTable(table)) !== "3,3") await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await load.stop()).toMatchObject({ failed: 0, hung: 0 });
      // It starts without as well.
      await rm(table);
      expect(await by("restart", "even")).toMatchObject({ code: 0 });
      expect((await by("delete", "even")).code).toBe(0);
    }
  });

  it("strict apps say that they are ready, and answer for their health", async () => {
    await writeFile(
      "/home/tester/app/velos.toml",
      `[apps.served]\nscript = "${example}"\nlisten = ["127.0.0.1:7102"]\nsandbox = "strict"\n[apps.served.health]\nhttp = "/"\n`,
    );
    const started = await velosAsTester("start", "--config", "/home/tester/app/velos.toml");
    expect(started).toMatchObject({ code: 0, stderr: "" });
    expect(await must("curl", "-sf", "http://127.0.0.1:7102/")).not.toBe("");
    expect((await velosAsTester("reload", "served")).code).toBe(0);
  });

  it("nothing is kept from an app of which nothing is said", async () => {
    await velosAsTester("start", example, "--name", "free", "--cwd", "/home/tester/app");
    expect(await exposure("free", velosAsTester)).toBeGreaterThan(9);
  });
});
