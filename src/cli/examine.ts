import { existsSync } from "node:fs";
import type { Result } from "../api/operations.ts";
import { selectBackend } from "../backend/select.ts";
import type { Connection } from "../client/connection.ts";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";
import { version } from "../domain/version.ts";
import type { Terminal } from "./terminal.ts";

/** What `velos doctor` found; as JSON it is printed as it is. */
export interface Findings {
  version: string;
  node: string;
  scope: Paths["scope"];
  /** Of those: the config file need not be there. */
  paths: { socket: string; state: string; config: string };
  configured: boolean;
  /** What would run instances; `reason` where nobody chose it. */
  backend: { name: string; reason?: string } | null;
  /** As velosd tells of itself; null: it cannot be reached. */
  velosd: Result<"ping"> | null;
  facilities: Result<"doctor">["facilities"];
  /** What keeps velos from working; empty: nothing does. */
  problems: string[];
}

/** Looks at all that velos needs, and goes on where something is missing. */
export const examine = async (
  terminal: Terminal,
  places: Paths,
  asked: string | undefined,
  connect: () => Promise<Connection>,
): Promise<Findings> => {
  const { scope, socket, state, config } = places;
  const findings: Findings = {
    version,
    node: process.version,
    scope,
    paths: { socket, state, config },
    configured: existsSync(config),
    backend: null,
    velosd: null,
    facilities: [],
    problems: [],
  };
  const attempt = async (look: () => Promise<void> | void): Promise<void> => {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof VelosError)) throw error;
      findings.problems.push(error.hint === "" ? error.message : `${error.message}; ${error.hint}`);
    }
  };
  await attempt(() => {
    findings.backend = selectBackend(asked, places, terminal.env);
  });
  if (findings.backend === null) return findings;
  await attempt(async () => {
    const daemon = await connect();
    try {
      findings.velosd = await daemon.call("ping", {});
      const { facilities, problems } = await daemon.call("doctor", {});
      findings.facilities = facilities;
      findings.problems.push(...problems);
    } finally {
      daemon.close();
    }
  });
  return findings;
};
