import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDirectories } from "../backend/make-directories.ts";
import { Connection } from "../client/connection.ts";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";

/** Where a velosd of this process alone keeps its things, and what of it is to be removed afterwards. */
export interface OwnPlaces {
  paths: Paths;
  /** Absolute. */
  directory: string;
  /** Why other commands do not find it by themselves. */
  note?: string;
}

/**
 * State that ends with this process: what an earlier run of the container had is none of its business. The socket is at
 * its usual place, so that `velos list` finds it, unless that is another velosd's or nobody may write there.
 * @throws VelosError USAGE where nothing can be written
 */
export const ownPlaces = async (
  paths: Paths,
  env: Readonly<Record<string, string | undefined>>,
): Promise<OwnPlaces> => {
  let directory: string;
  try {
    directory = mkdtempSync(join(tmpdir(), "velos-run-"));
  } catch (error) {
    throw new VelosError("USAGE", {
      why: `cannot write in ${tmpdir()}: ${(error as Error).message}`,
      hint: "give the container a writable /tmp, or set TMPDIR",
    });
  }
  const usual = await whyNotUsual(paths, env);
  if (usual === undefined) return { paths: { ...paths, state: directory }, directory };
  const runtime = join(directory, "run");
  return {
    paths: { ...paths, state: directory, runtime, socket: join(runtime, "velosd.sock") },
    directory,
    note: `${usual}: \`VELOS_HOME=${directory} velos list\` shows these apps`,
  };
};

const whyNotUsual = async (
  { socket, runtime, scope }: Paths,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> => {
  // The usual place is that of a velosd with apps of its own, which may not run at the moment.
  if (!env["VELOS_HOME"] && existsSync("/run/systemd/system")) return "systemd runs the apps of velos here";
  try {
    (await Connection.open(socket)).close();
    return "another velosd serves here";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ECONNREFUSED" && code !== "ENOTDIR") return `${socket} cannot be used`;
  }
  try {
    makeDirectories(runtime, scope === "system" ? 0o750 : 0o700);
    return undefined;
  } catch {
    return `${runtime} cannot be made`;
  }
};
