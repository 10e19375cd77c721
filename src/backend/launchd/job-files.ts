import { chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { Account } from "../spawn/account.ts";
import type { Scope } from "../backend.ts";
import type { LaunchRequest } from "../spawn/launcher.ts";
import { failed } from "./failed.ts";
import { jobDirectory, labelOf, plistPath, secretsPath } from "./names.ts";
import type { PlistValue } from "./plist.ts";
import { fitsPlist, writePlist } from "./plist.ts";

/** Where a job's files are, and for whom. */
export interface JobPlace {
  stateDir: string;
  scope: Scope;
  /** Who it runs as, where that is not velosd's own user. */
  account: Account | undefined;
}

/** What a shell adds to the environment by itself. */
const SHELL_ADDS = ["PWD", "OLDPWD", "SHLVL", "_"];

/** A word for the shell: in single quotes everything stands for itself, every byte but NUL. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * What the property list does not carry, as commands for the shell; undefined when it carries everything. Secrets are
 * kept out because `launchctl print` shows a job's variables, in the system domain to everybody; control characters
 * cannot be written in XML; and its own pid only the process can know.
 */
const hiddenPart = ({ spec, env, pidVariable }: LaunchRequest): { names: Set<string>; script: string } | undefined => {
  const names = new Set(
    Object.entries(env).flatMap(([name, value]) =>
      Object.hasOwn(spec.secretEnv, name) || !fitsPlist(value) || !fitsPlist(name) ? [name] : [],
    ),
  );
  const unsayable = [...names].find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (unsayable !== undefined)
    throw failed(
      `the variable ${JSON.stringify(unsayable)} of ${spec.name} can be passed on neither by launchd nor by a shell`,
      "a secret, or a value with control characters, needs a name of letters, digits and _",
    );
  const words = [spec.program, ...spec.args];
  const mustHideWords = !words.every(fitsPlist);
  if (names.size === 0 && !mustHideWords && pidVariable === undefined) return undefined;
  const lines = [
    ...[...names].map((name) => `export ${name}=${quoted(env[name]!)}`),
    ...(pidVariable === undefined ? [] : [`export ${pidVariable}=$$`]),
    `unset ${SHELL_ADDS.filter((name) => !Object.hasOwn(env, name)).join(" ")}`,
    ...(mustHideWords ? [`set -- ${words.map(quoted).join(" ")}`] : []),
  ];
  return { names, script: `${lines.join("\n")}\n` };
};

/**
 * Writes the files of a run's job; returns the path of its property list.
 *
 * The job is for one run: it starts when velosd says so and is not kept alive by launchd, which could neither wait for
 * `restart_delay` (it counts whole seconds, from the start of the last run) nor back off, nor tell exit codes apart, nor
 * give the next run other variables.
 */
export const writeJob = (request: LaunchRequest, place: JobPlace): string => {
  const { spec, index, env, logPath } = request;
  const { stateDir, scope, account } = place;
  const label = labelOf(spec.name, index);
  const [plist, secrets] = [plistPath(stateDir, label), secretsPath(stateDir, label)];
  removeJobFiles(stateDir, label);
  mkdirSync(jobDirectory(stateDir), { recursive: true, mode: 0o711 });
  const hidden = hiddenPart(request);
  let words = [spec.program, ...spec.args];
  if (hidden !== undefined) {
    writeFileSync(secrets, hidden.script, { mode: 0o600, flag: "wx" });
    if (account) chownSync(secrets, account.uid, account.gid);
    // Then they are in the file.
    if (!words.every(fitsPlist)) words = [];
    // A shell that becomes the program: same pid, and in `launchctl print` the program is still to be seen.
    words = ["/bin/sh", "-c", `. "$0"; exec "$@"`, secrets, ...words];
  }
  const job: Record<string, PlistValue> = {
    Label: label,
    ProgramArguments: words,
    WorkingDirectory: spec.cwd,
    EnvironmentVariables: Object.fromEntries(Object.entries(env).filter(([name]) => !hidden?.names.has(name))),
    StandardOutPath: logPath,
    StandardErrorPath: logPath,
    RunAtLoad: false,
    // Before SIGKILL, when launchd itself ends the job: at logout, or by an operator's `launchctl bootout`. 0 is for ever.
    ExitTimeOut: Math.max(1, Math.ceil(spec.killTimeoutMs / 1000)),
    // As an app in the foreground: others are throttled in processor time and storage when somebody works at the Mac.
    ProcessType: "Interactive",
    ...(scope === "user" && { LimitLoadToSessionType: ["Aqua", "Background"] }),
    ...(scope === "system" && spec.user !== undefined && { UserName: spec.user }),
    ...(scope === "system" && spec.group !== undefined && { GroupName: spec.group }),
  };
  // launchd refuses a file that others may write to. Nobody else has to read it.
  writeFileSync(plist, writePlist(job), { mode: 0o600, flag: "wx" });
  return plist;
};

/** Removes a job's files. */
export const removeJobFiles = (stateDir: string, label: string): void => {
  for (const path of [plistPath(stateDir, label), secretsPath(stateDir, label)]) rmSync(path, { force: true });
};
