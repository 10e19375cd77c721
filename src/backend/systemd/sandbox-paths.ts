import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import { hasPreload, hasReadinessSignal } from "../../domain/app.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Scope } from "../backend.ts";
import type { SandboxPlaces, Seen } from "./sandbox-properties.ts";
import { hiddenDirectories } from "./sandbox-properties.ts";

/** Paths of velos and of the manager that an instance needs. */
export interface OwnPlaces {
  scope: Scope;
  /** `/run` or `$XDG_RUNTIME_DIR`. */
  runtimeDirectory: string;
  preload: string;
  /** Directory of the instance's health socket, where it has one. */
  healthDirectory?: string;
  /** The app's load table, where it has one. */
  loadTable?: string;
  /** In a user's scope: the app's state directory. */
  stateDirectory?: string;
}

/**
 * Finds what an instance has to see of what its profile hides: its program and directory, what velos adds, and what the
 * app asks for.
 * @throws VelosError BACKEND_FAILED for a path of the app's sandbox that is not there
 */
export const sandboxPlaces = async (spec: AppSpec, own: OwnPlaces): Promise<SandboxPlaces> => {
  const { sandbox } = spec;
  if (!sandbox) return { scope: own.scope, seen: [], writable: [] };
  const hidden = hiddenDirectories(sandbox);
  const seen = new Map<string, Seen>();
  const show = (source: string, path: string, writable: boolean, optional = false): void => {
    if (isBelow(path, hidden)) seen.set(path, { source, path, writable, optional });
  };
  const program = await realpath(spec.program).catch(() => spec.program);
  show(program, spec.program, false);
  const installation = installationOf(program);
  show(installation, installation, false);
  for (const path of [spec.cwd, ...(spec.script === undefined ? [] : [dirname(spec.script)])]) {
    const real = await realpath(path).catch(() => path);
    show(real, real, false);
    show(real, path, false);
  }
  if (hasPreload(spec)) show(own.preload, own.preload, false);
  if (hasReadinessSignal(spec)) {
    const notify = join(own.runtimeDirectory, "systemd", "notify");
    show(notify, notify, false);
  }
  if (own.healthDirectory !== undefined) show(own.healthDirectory, own.healthDirectory, true);
  const writable: string[] = [];
  if (own.loadTable !== undefined) {
    // An instance starts without it, too.
    show(own.loadTable, own.loadTable, true, true);
    if (sandbox.profile === "strict") writable.push(`-${own.loadTable}`);
  }
  for (const path of sandbox.read ?? []) show(await present(path, spec, "read"), path, false);
  // Its own is made before it starts, and not at all for one that is only looked at.
  if (own.stateDirectory !== undefined) {
    show(own.stateDirectory, own.stateDirectory, true);
    writable.push(own.stateDirectory);
  }
  for (const path of sandbox.write ?? []) {
    show(await present(path, spec, "write"), path, true);
    writable.push(path);
  }
  // Nothing else may be written then, and there is no private one instead.
  if (sandbox.profile === "strict" && sandbox.privateTmp === false) writable.push("/tmp", "/var/tmp");
  return { scope: own.scope, seen: withoutNested([...seen.values()]), writable };
};

const isBelow = (path: string, directories: readonly string[]): boolean =>
  directories.some((directory) => path === directory || path.startsWith(`${directory}/`));

/** What is inside something else that is seen is there already, unless it is to be written or comes from elsewhere. */
const withoutNested = (all: Seen[]): Seen[] =>
  all.filter(
    (one) =>
      one.writable ||
      one.source !== one.path ||
      !all.some((other) => other !== one && other.source === other.path && one.path.startsWith(`${other.path}/`)),
  );

/**
 * A program of somebody's own installation (`~/.nvm/versions/node/v20.1.0/bin/node`) needs what is beside its `bin`; one
 * that is in a home directory's own `bin` has nothing there that is its own.
 */
const installationOf = (program: string): string => {
  const bin = dirname(program);
  const prefix = dirname(bin);
  const isOwn = basename(bin) === "bin" && prefix.split("/").length > (prefix.startsWith("/root/") ? 3 : 4);
  return isOwn ? prefix : program;
};

const present = async (path: string, spec: AppSpec, key: string): Promise<string> => {
  try {
    return await realpath(path);
  } catch (error) {
    throw new VelosError(
      "BACKEND_FAILED",
      {
        backend: "systemd",
        why: `${path}, which the sandbox of ${spec.name} names in ${key}, is not there`,
        hint: "create it, or leave it out",
      },
      { cause: error },
    );
  }
};
