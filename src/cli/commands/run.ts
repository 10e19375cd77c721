import { join } from "node:path";
import { Command } from "clipanion";
import { VelosError } from "../../domain/errors.ts";
import { logText } from "../render/log-line.ts";
import { StartCommand } from "./start.ts";

export class RunCommand extends StartCommand {
  static override paths = [["run"]];
  static override rest = "script|command";
  static override usage = Command.Usage({
    description: "run apps in the foreground, as a container does",
    details: `
      Without systemd and without a velosd beside it: output goes to the terminal, SIGTERM and Ctrl-C stop everything
      gracefully, SIGHUP, SIGUSR1 and SIGUSR2 go to the apps. Ends when the apps have ended, with the exit code of the
      first that failed. Nothing is kept; other commands find the apps while it runs.
    `,
    examples: [
      ["what velos.toml says", "velos run --config velos.toml"],
      ["four instances", "velos run server.js -i 4 --listen 3000"],
      ["with a profile", "velos run -c velos.toml --only api --env production"],
    ],
  });

  /** It is about this machine. */
  override host = undefined;

  override async execute(): Promise<number> {
    if (this.backend !== undefined && this.backend !== "spawn") {
      throw new VelosError("USAGE", {
        why: `velos run has no backend ${this.backend}`,
        hint: `it runs the apps itself; \`velos start\` has ${this.backend} run them`,
      });
    }
    const { terminal } = this;
    const apps = await this.prepare();
    if (this.dryRun) {
      const { dryRunJson } = await import("../dry-run.ts");
      this.printJson(dryRunJson(apps));
      return 0;
    }
    if (process.pid === 1) this.#becomeInit();
    // A bundle of its own: no other command reads it.
    const { runForeground } = await import("../../foreground/main.ts");
    const isAlone = apps.length === 1 && apps[0]!.instances.kind === "exact" && apps[0]!.instances.count === 1;
    let gone = false;
    const hungUp = new Promise<void>((resolve) => {
      terminal.onHangUp?.(() => {
        gone = true;
        resolve();
      });
    });
    return runForeground({
      paths: this.places,
      env: terminal.env,
      apps,
      report: (text) => this.note(text),
      print: async (line) => {
        const text = this.json ? JSON.stringify(line) : isAlone ? line.message : logText(line, this.style);
        const { stdout } = terminal;
        if (gone || stdout.write(`${text}\n`)) return;
        await Promise.race([new Promise((resolve) => stdout.once("drain", resolve)), hungUp]);
      },
      onStop: (listener) => {
        terminal.onInterrupt?.(listener);
        terminal.onSignal?.("SIGQUIT", listener);
        void hungUp.then(listener);
      },
      onSignal: (listener) => {
        for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const) {
          terminal.onSignal?.(signal, () => listener(signal));
        }
      },
    });
  }

  /** Has a shell take the place of this process, which becomes its child; see velos-run.sh. */
  #becomeInit(): void {
    const { execve } = process as { execve?: (file: string, words: string[], env: NodeJS.ProcessEnv) => never };
    const words = ["sh", join(__dirname, "velos-run"), ...process.argv.slice(2)];
    try {
      execve?.("/bin/sh", words, { ...process.env, VELOS_RUN_NODE: process.execPath });
    } catch {
      // No shell in this image.
    }
    this.note(
      "process 1 and no init: ends of orphaned processes are not taken note of; use velos-run, or docker --init",
    );
  }
}
