import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { VelosError } from "../domain/errors.ts";
import { version } from "../domain/version.ts";
import { Connection } from "./connection.ts";
import type { Remote } from "./ssh.ts";
import { remoteFailure, sshWords } from "./ssh.ts";

/** What `velos dial-stdio` says first: what comes before it is somebody else's, such as a shell that greets. */
export const GREETING = "velos-dial ";

/**
 * Connects to velosd of another server: `velos dial-stdio` there passes on what it reads and writes. It needs no path of a
 * socket, finds the scope by itself, and starts velosd there where it does not run.
 * @param options.start false: velosd is not started there
 * @throws VelosError DAEMON_UNREACHABLE
 */
export const connectRemote = async (
  remote: Remote,
  options: { env: Readonly<Record<string, string | undefined>>; start: boolean; note?: (text: string) => void },
): Promise<Connection> => {
  const words = ["dial-stdio", ...(options.start ? [] : ["--no-start"])];
  const child = spawn("ssh", sshWords(remote, words), { env: options.env, stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4096)));
  // What is written when ssh has gone already is told by its end.
  child.stdin.on("error", () => undefined);
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => reject(noSsh(error)));
    child.once("close", (code) => reject(remoteFailure(remote, code, said)));
  });
  failed.catch(() => undefined);
  const { there, rest } = await Promise.race([greeting(child.stdout), failed]);
  const minor = (text: string): string => text.split(".", 2).join(".");
  if (minor(there) !== minor(version)) {
    options.note?.(`velos on ${remote.destination} is ${there}, this one is ${version}`);
  }
  const stream = streamOf(child, rest);
  failed.catch((error: VelosError) => stream.destroy(new Error(String(error.details["why"]))));
  return Connection.over(stream, () => child.kill());
};

/** What ssh reads and writes, as one stream, of which the end of ssh is the end. */
const streamOf = (child: ChildProcessWithoutNullStreams, first: Buffer): Duplex => {
  const { stdin, stdout } = child;
  const stream = new Duplex({
    read: () => void stdout.resume(),
    // What cannot be written any more is told by ssh's end, which says why.
    write: (chunk, _, done) => void stdin.write(chunk, () => done()),
    final: (done) => void stdin.end(() => done()),
  });
  const take = (chunk: Buffer): void => {
    if (!stream.push(chunk)) stdout.pause();
  };
  if (first.length > 0) take(first);
  stdout.on("data", take);
  return stream;
};

const noSsh = (error: NodeJS.ErrnoException): VelosError =>
  new VelosError("DAEMON_UNREACHABLE", {
    why: error.code === "ENOENT" ? "there is no ssh here" : `ssh cannot be run: ${error.message}`,
    hint: "--host goes through ssh; install openssh-client",
  });

/** The version there, and what came behind the line that says it. */
const greeting = async (output: NodeJS.ReadableStream): Promise<{ there: string; rest: Buffer }> =>
  new Promise((resolve) => {
    let text = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      text = Buffer.concat([text, chunk]);
      const begin = text.indexOf(GREETING);
      const end = begin < 0 ? -1 : text.indexOf("\n", begin);
      if (end < 0) return;
      output.off("data", take);
      output.pause();
      resolve({
        there: text.toString("utf8", begin + GREETING.length, end).trim(),
        rest: text.subarray(end + 1),
      });
    };
    output.on("data", take);
  });
