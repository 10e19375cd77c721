import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appFromFlags } from "../../src/config/flags.ts";
import { appFromJson, appJsonSchema } from "../../src/config/json-app.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { ResolveContext } from "../../src/config/resolve.ts";
import { resolveApp } from "../../src/config/resolve.ts";
import type { AppSettings } from "../../src/config/settings.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import { fingerprint } from "../../src/domain/app.ts";
import { errorOf } from "./error-of.ts";

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "velos-sandbox-"));
});
afterAll(async () => rm(home, { recursive: true }));

const root: ResolveContext = {
  env: { PATH: "/usr/bin:/bin" },
  caller: { name: "root", uid: 0, home: "/root" },
  execPath: process.execPath,
  scope: "system",
};
const me: ResolveContext = { ...root, caller: { name: "me", uid: 1000, home: "/home/me" }, scope: "user" };

const load = async (toml: string): Promise<AppSettings> => {
  await writeFile(join(home, "velos.toml"), `[apps.api]\ncommand = ["true"]\n${toml}`);
  return (await loadConfig("velos.toml", home)).apps[0]!.settings;
};
const spec = async (toml: string, context = root): Promise<AppSpec> => {
  await load(toml);
  return (await resolveApp((await loadConfig("velos.toml", home)).apps[0]!, context)).spec;
};

describe("sandbox in velos.toml", () => {
  it("is a word, or a table with that word in it", async () => {
    expect((await load('sandbox = "strict"')).sandbox).toEqual({ profile: "strict" });
    expect((await load('[apps.api.sandbox]\nprofile = "strict"\nnetwork = false')).sandbox).toEqual({
      profile: "strict",
      network: false,
    });
    expect((await appFromFlags({ command: ["true"], sandbox: "none" }, "/")).settings.sandbox).toEqual({
      profile: "none",
    });
    expect((await appFromJson({ command: ["true"], sandbox: "default" }, "/")).settings.sandbox).toEqual({
      profile: "default",
    });
  });

  it("takes paths relative to the file, and capabilities as people write them", async () => {
    const { sandbox } = await load('sandbox = { write = "data", capabilities = ["net_bind_service", "CAP_CHOWN"] }');
    expect(sandbox).toEqual({ write: [join(home, "data")], capabilities: ["CAP_NET_BIND_SERVICE", "CAP_CHOWN"] });
  });

  it.each([
    ['sandbox = "strickt"', 'velos.toml:3:11: sandbox should be "strict" or "default" or "none", not "strickt"'],
    ["sandbox = 1", 'velos.toml:3:11: sandbox should be "strict" or "default" or "none", not 1'],
    ["sandbox = { networks = true }", 'velos.toml:3:13: unknown key "networks"'],
    ["[apps.api.sandbox]\nnetwork = 1", "velos.toml:4:11: network should be true or false, not 1"],
    [
      'sandbox = { capabilities = ["CAP_NET_BIND"] }',
      'velos.toml:3:29: capabilities: "CAP_NET_BIND" is not a capability',
    ],
  ])("refuses %j in its place", async (toml, message) => {
    expect((await errorOf(load(toml)))[1]).toBe(message);
  });

  it("says what belongs together", async () => {
    const why = async (toml: string, context = root): Promise<string> => (await errorOf(spec(toml, context)))[1];
    expect(await why('sandbox = { profile = "strict", new_privileges = true }')).toContain("lets nothing gain rights");
    expect(await why('user = "root"\nsandbox = "strict"')).toContain("is not for root");
    expect(await why('sandbox = { capabilities = ["CHOWN"] }', me)).toContain("only apps of the system scope");
  });

  it("keeps Node from memory that it cannot do without", async () => {
    await writeFile(join(home, "app.js"), "");
    const node = async (more: object): Promise<AppSpec> =>
      (
        await resolveApp(
          await appFromJson({ script: "app.js", sandbox: { write_execute: false }, ...more }, home),
          root,
        )
      ).spec;
    expect((await errorOf(node({})))[1]).toContain("Node makes code at run time");
    expect((await node({ interpreter_args: ["--jitless"] })).sandbox?.writeExecute).toBe(false);
  });
});

describe("the sandbox of a spec", () => {
  it("is the profile default in the system scope, and none in a user's, where nothing is said", async () => {
    expect((await spec("")).sandbox).toEqual({ profile: "default" });
    expect((await spec("", me)).sandbox).toBeUndefined();
    expect((await spec('sandbox = "none"')).sandbox).toBeUndefined();
    expect((await spec("sandbox = { network = false }", me)).sandbox).toEqual({ profile: "none", network: false });
  });

  it("gives a strict app that names no user one of its own, with its state as home", async () => {
    const { env, user } = await spec('sandbox = "strict"');
    expect(user).toBeUndefined();
    expect(env).toMatchObject({ HOME: "/var/lib/velos-api", USER: "velos-api", LOGNAME: "velos-api" });
    expect((await spec('sandbox = "strict"', me)).env).toMatchObject({ HOME: "/home/me", USER: "me" });
  });

  it("replaces instances when it changes", async () => {
    const prints = await Promise.all(
      ["none", "default", "strict"].map(async (profile) => {
        const draft = await appFromJson({ command: ["true"], sandbox: profile }, home);
        return fingerprint((await resolveApp(draft, root)).spec);
      }),
    );
    expect(new Set(prints).size).toBe(3);
  });
});

describe("credentials", () => {
  it("are files, texts, or encrypted files", async () => {
    const written =
      'credentials = { a = "a.key", b = { path = "/b" }, c = { text = "hidden" }, d = { encrypted = "d" } }';
    expect((await load(written)).credentials).toEqual({
      a: { path: join(home, "a.key") },
      b: { path: "/b" },
      c: { text: "hidden" },
      d: { encrypted: join(home, "d") },
    });
  });

  it.each([
    ["credentials = 1", "velos.toml:3:15: credentials should be a table of secrets, not 1"],
    ["credentials = { a = 1 }", "velos.toml:3:21: a should be a path, not 1"],
    ["credentials = { a = {} }", "velos.toml:3:21: credentials: a should be one of path, text and encrypted"],
    [
      'credentials = { a = { file = "x" } }',
      "velos.toml:3:21: credentials: a should be one of path, text and encrypted",
    ],
    ['credentials = { "a/b" = "x" }', 'velos.toml:3:17: credentials: "a/b" cannot be a secret\'s name'],
    ["credentials = { a = { text = 1 } }", "velos.toml:3:30: a should be a text, not 1"],
  ])("refuses %j in its place", async (toml, message) => {
    expect((await errorOf(load(toml)))[1]).toBe(message.replace(": a should be a", ": credentials: a should be a"));
  });

  it("are in the description of the REST API as they are read", () => {
    const { properties } = appJsonSchema() as { properties: Record<string, { anyOf?: object[]; type?: string }> };
    expect(properties["sandbox"]!.anyOf).toHaveLength(2);
    expect(properties["credentials"]!.type).toBe("object");
  });
});
