import { mkdtempSync } from "node:fs";
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
 * its usual place, so that `velos list` finds it, unless another velosd is there or nobody may write there.
 * @throws VelosError USAGE where nothing can be written
 */
export const ownPlaces = async (paths: Paths): Promise<OwnPlaces> => {
  let directory: string;
  try {
    directory = mkdtempSync(join(tmpdir(), "velos-run-"));
  } catch (error) {
    throw new VelosError("USAGE", {
      why: `cannot write in ${tmpdir()}: ${(error as Error).message}`,
      hint: "give the container a writable /tmp, or set TMPDIR",
    });
  }
  const usual = await whyNotUsual(paths);
  if (usual === undefined) return { paths: { ...paths, state: directory }, directory };
  const runtime = join(directory, "run");
  return {
    paths: { ...paths, state: directory, runtime, socket: join(runtime, "velosd.sock") },
    directory,
    note: `${usual}: \`VELOS_HOME=${directory} velos list\` shows these apps`,
  };
};

const whyNotUsual = async ({ socket, runtime, scope }: Paths): Promise<string | undefined> => {
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
