import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { freePort } from "./systemd/free-port.ts";
import { until } from "./systemd/until.ts";
import { velosProgram } from "./systemd/velos.ts";

/**
 * An sshd of its own on the loopback interface, whose users find velos with a VELOS_HOME of its own; and an `ssh` that
 * knows it as `there`. `mode` is what the velos there is at the moment.
 */
export class SshServer {
  readonly directory = mkdtempSync(join(tmpdir(), "velos-ssh-"));
  /** Of the commands that are run here. */
  readonly env: Record<string, string | undefined>;
  /** Of the commands that are run there. */
  readonly there: Record<string, string | undefined>;
  #sshd: ChildProcess | undefined;
  #said = "";

  constructor() {
    const path = `${this.path("bin")}:${process.env["PATH"]}`;
    this.env = {
      PATH: path,
      HOME: this.path("here"),
      VELOS_HOME: this.path("here"),
      VELOS_BACKEND: "spawn",
      NO_COLOR: "1",
    };
    this.there = { ...this.env, HOME: this.path("there"), VELOS_HOME: this.path("there") };
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  async start(): Promise<void> {
    for (const name of ["here", "there", "bin", "velos"]) mkdirSync(this.path(name));
    const port = await freePort();
    for (const key of ["host", "user"]) {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", this.path(key)]);
    }
    const keys = execFileSync("cat", [this.path("user.pub")], { encoding: "utf8" });
    writeFileSync(this.path("authorized"), keys, { mode: 0o600 });
    const env = {
      PATH: `${this.path("velos")}:${process.env["PATH"]}`,
      VELOS_HOME: this.there["VELOS_HOME"],
      VELOS_BACKEND: "spawn",
    };
    writeFileSync(
      this.path("sshd_config"),
      [
        `Port ${port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${this.path("host")}`,
        `AuthorizedKeysFile ${this.path("authorized")}`,
        "PidFile none",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        `SetEnv ${Object.entries(env)
          .map(([name, value]) => `"${name}=${value}"`)
          .join(" ")}`,
      ].join("\n"),
    );
    const client = (name: string, more: string): string =>
      `Host ${name}\n  HostName 127.0.0.1\n  User ${userInfo().username}\n  BatchMode yes\n  IdentitiesOnly yes\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile ${this.path("known")}\n${more}\n`;
    writeFileSync(
      this.path("ssh_config"),
      client("there", `  Port ${port}\n  IdentityFile ${this.path("user")}`) +
        client("stranger", `  Port ${port}\n  IdentityFile ${this.path("host")}`) +
        client("nobody", `  Port ${await freePort()}`),
    );
    this.#script(this.path("bin", "ssh"), `exec /usr/bin/ssh -F ${this.path("ssh_config")} "$@"`);
    this.velosIs(`exec "${process.execPath}" -- "${velosProgram}" "$@"`);
    // Of root's sshd only, which gives its rights up there.
    if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
    this.#sshd = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", this.path("sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#sshd.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
    await until(`sshd listens, not ${this.#said}`, async () => {
      const socket = connect(port, "127.0.0.1");
      const [event] = await Promise.race([
        once(socket, "connect").then(() => ["connect"]),
        once(socket, "error").then(() => ["error"]),
      ]).catch(() => ["error"]);
      socket.destroy();
      return event === "connect";
    });
  }

  /** What `velos` is there: lines of a shell. */
  velosIs(...lines: string[]): void {
    this.#script(this.path("velos", "velos"), ...lines);
  }

  #script(path: string, ...lines: string[]): void {
    writeFileSync(path, `#!/bin/sh\n${lines.join("\n")}\n`);
    chmodSync(path, 0o755);
  }

  async close(): Promise<void> {
    if (this.#sshd && this.#sshd.exitCode === null) {
      this.#sshd.kill();
      await once(this.#sshd, "exit");
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
