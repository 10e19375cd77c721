import { VelosError } from "../domain/errors.ts";

/** velosd of another server, which is reached through ssh. */
export interface Remote {
  /** As ssh takes it: `server`, `user@server`, `ssh://user@server:2222`, or a name of ~/.ssh/config. */
  destination: string;
  /** Options of velos that hold there: `--user`, `--backend=spawn`. */
  flags: readonly string[];
}

/** A server that does not answer is given up sooner than the kernel would; one that is lost is found out in a minute. */
const OPTIONS = ["-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"];

/** What ssh itself ends with when it fails. */
export const SSH_FAILED = 255;
/** What a shell ends with that does not find the program. */
const NOT_FOUND = 127;

/** A word as any shell reads it back. */
const quoted = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The words for `ssh` that run velos there; `terminal` gives it one. */
export const sshWords = ({ destination, flags }: Remote, words: readonly string[], terminal = false): string[] => [
  ...OPTIONS,
  terminal ? "-t" : "-T",
  "--",
  destination,
  ["velos", ...words, ...flags].map(quoted).join(" "),
];

/**
 * Makes sure that a destination is one, and not an option of ssh.
 * @throws VelosError USAGE
 */
export const checkDestination = (destination: string): string => {
  if (/^[^\s-][^\s]*$/.test(destination)) return destination;
  throw new VelosError("USAGE", {
    why: `'${destination}' is not a server`,
    hint: "write --host server, user@server or ssh://user@server:2222, before the command",
  });
};

/** Why there is no velosd there. @param said what came on ssh's error output, with velos's own words there */
export const remoteFailure = ({ destination }: Remote, code: number | null, said: string): VelosError => {
  const lines = said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const own = lines.find((line) => line.startsWith("velos: "))?.slice("velos: ".length);
  const unreachable = (why: string, hint: string): VelosError => new VelosError("DAEMON_UNREACHABLE", { why, hint });
  if (code === NOT_FOUND) {
    return unreachable(
      `there is no velos on ${destination}`,
      `install it there, where a shell of ssh finds it: ssh ${destination} velos --version`,
    );
  }
  if (own?.includes("no command 'dial-stdio'") === true) {
    return unreachable(`velos on ${destination} is too old for --host`, "install the version there that is here");
  }
  if (own !== undefined) {
    return unreachable(
      `on ${destination}: ${own.replace(/^cannot reach velosd: /, "")}`,
      `ssh ${destination} velos doctor`,
    );
  }
  const last = lines.findLast((line) => !line.startsWith("Warning:"));
  const ended = code ? `ssh ended with code ${code}` : `the connection to ${destination} was lost`;
  const why = last?.replace(/^ssh: /, "") ?? ended;
  return unreachable(why, `try it alone: ssh ${destination} velos ping`);
};
