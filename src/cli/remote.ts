import { spawn } from "node:child_process";
import { checkDestination, SSH_FAILED, sshWords } from "../client/ssh.ts";
import { VelosError } from "../domain/errors.ts";
import { serving } from "./serving.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Where a command works when it is for another server. `there`: it reads files of the server, or changes what velosd
 * itself runs on, so the whole command runs there; `asks`: it only asks velosd, and runs here. Everything else is about
 * this machine.
 */
const MANNER: Readonly<Record<string, "there" | "asks">> = {
  start: "there",
  apply: "there",
  kill: "there",
  doctor: "there",
  startup: "there",
  unstartup: "there",
  save: "there",
  mcp: "there",
  stop: "asks",
  restart: "asks",
  reload: "asks",
  rollout: "asks",
  scale: "asks",
  delete: "asks",
  list: "asks",
  describe: "asks",
  logs: "asks",
  env: "asks",
  signal: "asks",
  ping: "asks",
  monit: "asks",
  metrics: "asks",
  export: "asks",
};

/** `--host` taken out of the words of a command: the server, and the rest. */
export interface HostWords {
  /** Undefined: this machine. */
  host: string | undefined;
  /** Options before the command. */
  leading: string[];
  rest: string[];
}

/**
 * Finds out which server a command is for: `--host` before the command, or behind it where the command has no option of
 * that name itself; else VELOS_HOST, for commands that can have another server.
 * @throws VelosError USAGE for a command that cannot, or what is no server
 */
export const hostOf = (
  command: string,
  words: { leading: readonly string[]; rest: readonly string[] },
  env: Terminal["env"],
): HostWords => {
  const before = take(words.leading);
  const behind = serving.includes(command) ? { host: undefined, words: [...words.rest] } : take(words.rest);
  const given = behind.host ?? before.host;
  const host = given ?? (MANNER[command] || command === "api" ? env["VELOS_HOST"] : undefined);
  const result = { leading: before.words, rest: behind.words };
  if (host === undefined || host === "") return { host: undefined, ...result };
  checkDestination(host);
  if (MANNER[command] === undefined) throw notElsewhere(command, host);
  return { host, ...result };
};

const take = (words: readonly string[]): { host: string | undefined; words: string[] } => {
  const left: string[] = [];
  let host: string | undefined;
  for (let position = 0; position < words.length; position++) {
    const word = words[position]!;
    if (word.startsWith("--host=")) host = word.slice("--host=".length);
    else if (word !== "--host") left.push(word);
    else {
      host = words[++position];
      if (host === undefined)
        throw new VelosError("USAGE", { why: "--host needs a value", hint: "write --host USER@SERVER" });
    }
  }
  return { host, words: left };
};

const notElsewhere = (command: string, host: string): VelosError =>
  new VelosError("USAGE", {
    why: `velos ${command} is about this machine, not about ${host}`,
    hint:
      command === "api"
        ? `run it there and forward its port: ssh -L 3100:127.0.0.1:3100 ${host} velos api`
        : `log in there: ssh -t ${host} velos ${command}`,
  });

/** True for a command that runs on the server as a whole. */
export const runsThere = (command: string): boolean => MANNER[command] === "there";

/**
 * Runs a whole command on the server; resolves to its exit code. Paths in it are those of the server.
 * @param words the command with its options
 */
export const runThere = async (
  host: string,
  words: readonly string[],
  behindDashes: readonly string[],
  terminal: Terminal,
): Promise<number> => {
  const all = [...words, ...(behindDashes.length > 0 ? ["--", ...behindDashes] : [])];
  const hasTerminal = terminal.stdin.isTTY === true && terminal.stdout.isTTY === true;
  const remote = { destination: host, flags: [] };
  const child = spawn("ssh", sshWords(remote, all, hasTerminal), { env: terminal.env, stdio: "inherit" });
  // Without a terminal there ssh ends, and the command there goes on; it is velosd's work anyway.
  const off = terminal.onInterrupt?.(() => child.kill("SIGINT"));
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", (error) => reject(error));
      child.once("close", (exitCode) => resolve(exitCode ?? 130));
    });
    // ssh, or the shell there, has said why in a line of its own.
    return code === SSH_FAILED || code === 127 ? 4 : code;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new VelosError("DAEMON_UNREACHABLE", {
      why: isMissing ? "there is no ssh here" : `ssh cannot be run: ${(error as Error).message}`,
      hint: "--host goes through ssh; install openssh-client",
    });
  } finally {
    off?.();
  }
};
