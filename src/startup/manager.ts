import { execFile } from "node:child_process";
import type { Scope } from "../config/paths.ts";

/** What a program answered; `failure` is its first line of complaint. */
export interface Answer {
  text: string;
  failure?: string;
}

/** Runs a program, however it ends. */
export const ask = async (file: string, ...args: string[]): Promise<Answer> =>
  new Promise((resolve) => {
    execFile(file, args, (error, stdout, stderr) => {
      const text = stdout.trim();
      resolve(error ? { text, failure: stderr.trim().split("\n")[0] || error.message } : { text });
    });
  });

/** The units of velosd that are started and enabled; the slice comes with them. */
export const daemonUnits = ["velosd.socket", "velosd.service"] as const;

/** `systemctl` of a scope, for the few things that are said once in the life of an installation. */
export class ServiceManager {
  readonly #scope: readonly string[];

  constructor(scope: Scope) {
    this.#scope = scope === "user" ? ["--user"] : [];
  }

  /** A command line as a person would type it. */
  line(...args: string[]): string {
    return ["systemctl", ...this.#scope, ...args].join(" ");
  }

  async run(...args: string[]): Promise<Answer> {
    return ask("systemctl", ...this.#scope, ...args);
  }

  /** Directories of unit files as the manager reads them, first come first served. */
  async unitDirectories(): Promise<string[]> {
    return (await this.run("show", "--property=UnitPath", "--value")).text.split(" ").filter(Boolean);
  }

  /** A property of each unit of velosd, in the order of `daemonUnits`; empty where it has none. */
  async properties(name: string): Promise<string[]> {
    const { text } = await this.run("show", `--property=Id,${name}`, ...daemonUnits);
    return text.split("\n\n").map((block) => new RegExp(`^${name}=(.*)$`, "m").exec(block)?.[1] ?? "");
  }

  /** Has the manager read its files again, if it holds older ones: units that are not loaded need no reload. */
  async reloadIfNeeded(): Promise<void> {
    if ((await this.properties("NeedDaemonReload")).includes("yes")) await this.run("daemon-reload");
  }
}
