// A mock of macOS's launchd, because there is no Mac where these tests run. `node launchd.mjs <directory>` listens at
// <directory>/s for the mock of launchctl beside it, really runs the processes of the jobs it is given, and ends with all
// of them on SIGTERM. It prints "ready" when it listens.
//
// What it answers, and with which exit codes, is as people have written down what they saw of launchctl on macOS 11 to 15:
// issue threads and test fixtures of projects that drive launchctl, the source of a free launchctl, and launchd.plist(5).
// In particular: `kickstart -p` prints the bare pid into a pipe and a sentence on a terminal; `bootout` answers 0 before the
// job is gone, and 3 (not 113) when there is none; `print` answers 113; a second `bootstrap` answers 5, and 37 while the job
// is being removed; after a signal there is `last terminating signal` and no `last exit code`; what cannot be executed
// gets a pid all the same and ends with 78: EX_CONFIG.
//
// It is stricter than launchd where that would let a mistake pass: XML has to be well-formed and within XML 1.0, values of
// known keys of the right type, keys known to it, and user names are refused outside of the system domain.
import { spawn } from "node:child_process";
import { appendFileSync, closeSync, openSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { constants } from "node:os";
import { parse } from "plist";

const directory = process.argv[2];
const uid = process.getuid();
/** Jobs by `domain/label`. */
const jobs = new Map();
const disabled = new Set();
/** Who is logged in at the screen: without it there is no gui domain. Commands of tests change it. */
let hasScreen = process.argv[3] !== "--no-screen";

/** The time a job stays known after it was booted out. */
const REMOVAL_MS = 30;

/** Answers as launchctl did on older systems, where that is known to differ. */
let isOld = false;

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const isText = (value) => typeof value === "string";
const isTexts = (value) => Array.isArray(value) && value.every(isText);
const isCount = (value) => Number.isInteger(value) && value >= 0;
const isFlag = (value) => typeof value === "boolean";
const keys = {
  Label: isText,
  ProgramArguments: (value) => isTexts(value) && value.length > 0,
  WorkingDirectory: isText,
  EnvironmentVariables: (value) => Object.values(value).every(isText),
  StandardOutPath: isText,
  StandardErrorPath: isText,
  RunAtLoad: isFlag,
  KeepAlive: (value) =>
    isFlag(value) || Object.entries(value).every(([key, flag]) => key === "SuccessfulExit" && isFlag(flag)),
  ThrottleInterval: isCount,
  ExitTimeOut: isCount,
  ProcessType: (value) => ["Background", "Standard", "Adaptive", "Interactive"].includes(value),
  LimitLoadToSessionType: (value) => isText(value) || isTexts(value),
  AbandonProcessGroup: isFlag,
  UserName: isText,
  GroupName: isText,
};

const domainName = (domain) =>
  domain === "system"
    ? "system"
    : domain
        .replace(/^(gui|user)\/(\d+)$/, (_, kind, id) => `user ${kind === "gui" ? "gui: " : ": "}${id}`)
        .replace("user :", "uid:");

const checkDomain = (domain) => {
  if (domain === "system") {
    if (uid !== 0) throw new Refusal(1, "Operation not permitted");
    return;
  }
  const found = /^(gui|user)\/(\d+)$/.exec(domain);
  if (!found) throw new Refusal(64, `Unrecognized target specifier.`);
  if (Number(found[2]) !== uid || (found[1] === "gui" && !hasScreen))
    throw new Refusal(112, `Could not find domain for ${domainName(domain)}`);
};

/** `gui/501/velos.api.0` → domain and label. */
const split = (target) => {
  const found = /^(system|(?:gui|user)\/\d+)\/(.+)$/.exec(target ?? "");
  if (!found) throw new Refusal(64, "Unrecognized target specifier.");
  checkDomain(found[1]);
  return { domain: found[1], label: found[2] };
};

const find = (target) => {
  const { domain, label } = split(target);
  const job = jobs.get(target);
  if (!job)
    throw new Refusal(113, `Bad request.\nCould not find service "${label}" in domain for ${domainName(domain)}`);
  return job;
};

const readPlist = (path) => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new Refusal(5, "Bootstrap failed: 5: Input/output error");
  if (stat.uid !== uid || (stat.mode & 0o022) !== 0)
    throw new Refusal(122, "Bootstrap failed: 122: Path had bad ownership/permissions");
  const text = readFileSync(path, "utf8");
  // XML 1.0 knows no other characters, as they are or as references.
  const references = [...text.matchAll(/&#(?:x([0-9a-f]+)|(\d+));/gi)].map(([, hex, digits]) =>
    String.fromCodePoint(hex ? parseInt(hex, 16) : Number(digits)),
  );
  for (const part of [text, ...references])
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(part))
      throw new Refusal(5, "Bootstrap failed: 5: Input/output error");
  let definition;
  try {
    definition = parse(text);
  } catch {
    throw new Refusal(5, "Bootstrap failed: 5: Input/output error");
  }
  for (const [key, value] of Object.entries(definition))
    if (!keys[key]?.(value)) throw new Refusal(22, `Bootstrap failed: 22: Invalid argument (mock: ${key})`);
  if (!definition.Label || !definition.ProgramArguments)
    throw new Refusal(22, "Bootstrap failed: 22: Invalid argument");
  return definition;
};

const bootstrap = (domain, path) => {
  checkDomain(domain);
  const definition = readPlist(path);
  const target = `${domain}/${definition.Label}`;
  if (domain !== "system" && (definition.UserName !== undefined || definition.GroupName !== undefined))
    throw new Refusal(22, "Bootstrap failed: 22: Invalid argument (mock: UserName outside of the system domain)");
  if (disabled.has(target)) throw new Refusal(119, "Bootstrap failed: 119: Service is disabled");
  const known = jobs.get(target);
  if (known?.isLeaving) throw new Refusal(37, "Bootstrap failed: 37: Operation already in progress");
  if (known) throw new Refusal(5, "Bootstrap failed: 5: Input/output error");
  const job = { target, domain, path, definition, runs: 0, isLeaving: false };
  jobs.set(target, job);
  if (definition.RunAtLoad || definition.KeepAlive) start(job);
};

const start = (job) => {
  const {
    ProgramArguments: words,
    WorkingDirectory: cwd = "/",
    EnvironmentVariables: own = {},
    UserName: user,
  } = job.definition;
  const [label] = [job.definition.Label];
  job.runs++;
  const env = {
    ...{ PATH: "/usr/bin:/bin:/usr/sbin:/sbin", HOME: "/root", USER: user ?? "root", LOGNAME: user ?? "root" },
    ...{ SHELL: "/bin/sh", TMPDIR: "/tmp", XPC_FLAGS: "0x0", XPC_SERVICE_NAME: label },
    // So that the job can talk to this launchd.
    FAKE_LAUNCHD: directory,
    ...own,
  };
  const open = (path) => openSync(path ?? "/dev/null", "a+", 0o666);
  const identity = user === undefined ? {} : identityOf(user);
  // Opened by who writes to them.
  if (user !== undefined) process.seteuid(identity.uid);
  const outputs = [open(job.definition.StandardOutPath), open(job.definition.StandardErrorPath)];
  if (user !== undefined) process.seteuid(uid);
  const attempt = (program, args, where) =>
    spawn(program, args, { cwd: where, env, detached: true, stdio: ["ignore", ...outputs], ...identity });
  let child = attempt(words[0], words.slice(1), cwd);
  child.on("error", () => undefined);
  // What stands in for the job until it is executed ends with this code.
  if (child.pid === undefined) child = attempt("/bin/sh", ["-c", "exit 78"], "/");
  outputs.forEach((descriptor) => closeSync(descriptor));
  Object.assign(job, { child, pid: child.pid });
  child.once("exit", (code, signal) => ended(job, code, signal));
  return child.pid;
};

const identityOf = (user) => {
  const row = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === user);
  return { uid: Number(row[2]), gid: Number(row[3]) };
};

const ended = (job, code, signal) => {
  const { KeepAlive: keep, ThrottleInterval: throttle = 10, AbandonProcessGroup: abandon } = job.definition;
  if (!abandon) killGroup(job.pid, "SIGTERM");
  delete job.pid;
  job.end = { code, signal };
  if (job.isLeaving) return void setTimeout(() => jobs.delete(job.target), REMOVAL_MS);
  const again = keep === true || (keep?.SuccessfulExit === false && code !== 0);
  // Not once in the throttle interval, as launchd does, but after it: a test need not wait longer than it says.
  if (again) setTimeout(() => jobs.get(job.target) === job && !job.isLeaving && start(job), throttle * 1000).unref();
};

const killGroup = (pid, signal) => {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left.
  }
};

const bootout = (target) => {
  split(target);
  const job = jobs.get(target);
  if (!job && isOld) throw new Refusal(5, "Boot-out failed: 5: Input/output error");
  if (!job) throw new Refusal(3, "Boot-out failed: 3: No such process");
  if (job.isLeaving) throw new Refusal(36, "Boot-out failed: 36: Operation now in progress");
  job.isLeaving = true;
  if (job.pid === undefined) return void setTimeout(() => jobs.delete(target), REMOVAL_MS);
  const { pid } = job;
  process.kill(pid, "SIGTERM");
  setTimeout(() => job.pid === pid && killGroup(pid, "SIGKILL"), (job.definition.ExitTimeOut ?? 20) * 1000).unref();
};

/** sysexits(3), by which launchctl calls exit codes. */
const exitNames = {
  64: "EX_USAGE",
  69: "EX_UNAVAILABLE",
  70: "EX_SOFTWARE",
  71: "EX_OSERR",
  75: "EX_TEMPFAIL",
  78: "EX_CONFIG",
};
const signalNames = {
  SIGKILL: "Killed",
  SIGTERM: "Terminated",
  SIGINT: "Interrupt",
  SIGHUP: "Hangup",
  SIGABRT: "Abort trap",
  SIGSEGV: "Segmentation fault",
};

const endLine = ({ end }) => {
  if (!end) return "\tlast exit code = (never exited)";
  const { code, signal } = end;
  if (signal) return `\tlast terminating signal = ${signalNames[signal] ?? signal}: ${constants.signals[signal]}`;
  return `\tlast exit code = ${code}${exitNames[code] ? `: ${exitNames[code]}` : ""}`;
};

const print = (job) => {
  const { target, domain, path, definition, runs, pid } = job;
  const lines = (entries) => entries.map((line) => `\t\t${line}`);
  const isRunning = pid !== undefined;
  return [
    `${target} = {`,
    `\tactive count = ${isRunning ? 1 : 0}`,
    `\tpath = ${path}`,
    `\ttype = ${domain === "system" ? "LaunchDaemon" : "LaunchAgent"}`,
    `\tstate = ${isRunning ? (job.isLeaving ? "SIGTERMed" : "running") : "not running"}`,
    "",
    `\tprogram = ${definition.ProgramArguments[0]}`,
    ...["\targuments = {", ...lines(definition.ProgramArguments), "\t}", ""],
    ...(definition.WorkingDirectory ? [`\tworking directory = ${definition.WorkingDirectory}`, ""] : []),
    ...(definition.StandardOutPath ? [`\tstdout path = ${definition.StandardOutPath}`] : []),
    ...(definition.StandardErrorPath ? [`\tstderr path = ${definition.StandardErrorPath}`] : []),
    ...["\tinherited environment = {", "\t\tSSH_AUTH_SOCK => /private/tmp/com.apple.launchd.x/Listeners", "\t}", ""],
    ...["\tdefault environment = {", "\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin", "\t}", ""],
    "\tenvironment = {",
    ...lines(Object.entries(definition.EnvironmentVariables ?? {}).map(([name, value]) => `${name} => ${value}`)),
    ...lines([`XPC_SERVICE_NAME => ${definition.Label}`]),
    ...["\t}", ""],
    `\tdomain = ${domain}${domain === "system" ? "" : " [100005]"}`,
    ...(domain === "system" ? [] : ["\tasid = 100005"]),
    `\tminimum runtime = ${definition.ThrottleInterval ?? 10}`,
    `\texit timeout = ${definition.ExitTimeOut ?? 20}`,
    `\truns = ${runs}`,
    ...(isRunning ? [`\tpid = ${pid}`, "\timmediate reason = kickstart", "\tforks = 0", "\texecs = 1"] : []),
    endLine(job),
    "",
    ...[
      "\tresource coalition = {",
      "\t\tID = 803",
      "\t\ttype = resource",
      "\t\tstate = active",
      "\t\tactive count = 1",
      "\t}",
    ],
    "",
    "\tspawn type = interactive (4)",
    "\tjetsam priority = 40",
    `\tproperties = ${[definition.KeepAlive && "keepalive", definition.RunAtLoad && "runatload", "inferred program"].filter(Boolean).join(" | ")}`,
    "}",
    "",
  ].join("\n");
};

const kickstart = (words, isTerminal) => {
  const flags = words.filter((word) => word.startsWith("-")).join("");
  const job = find(words.at(-1));
  if (job.isLeaving)
    throw new Refusal(37, `Could not kickstart service "${job.definition.Label}": 37: Operation already in progress`);
  if (job.pid === undefined) start(job);
  else if (flags.includes("k")) throw new Refusal(64, "mock: kickstart -k is not there");
  if (!flags.includes("p")) return "";
  return isTerminal ? `service spawned with pid: ${job.pid}\n` : `${job.pid}\n`;
};

const answer = ({ words: [command, ...words], isTerminal }) => {
  switch (command) {
    case "bootstrap":
      bootstrap(words[0], words[1]);
      return "";
    case "bootout":
      bootout(words[0]);
      return "";
    case "kickstart":
      return kickstart(words, isTerminal);
    case "print": {
      if (!/^(system|(gui|user)\/\d+)$/.test(words[0])) return print(find(words[0]));
      checkDomain(words[0]);
      return `${words[0]} = {\n\ttype = ${words[0].startsWith("gui") ? "login" : "user"}\n\thandle = 100005\n}\n`;
    }
    case "enable":
    case "disable":
      split(words[0]);
      disabled[command === "enable" ? "delete" : "add"](words[0]);
      return "";
    // Not of launchctl: for tests.
    case "mock-screen":
      hasScreen = words[0] === "on";
      return "";
    case "mock-old":
      isOld = true;
      return "";
    default:
      throw new Refusal(64, `Unrecognized subcommand: ${command}`);
  }
};

const server = createServer({ allowHalfOpen: true }, (socket) => {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => (text += chunk));
  socket.on("end", () => {
    const request = JSON.parse(text);
    let reply;
    try {
      reply = { stdout: answer(request), code: 0 };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      reply = { stderr: `${error.message}\n`, code: error.code };
    }
    appendFileSync(`${directory}/calls`, `${JSON.stringify({ words: request.words, code: reply.code })}\n`);
    socket.end(JSON.stringify(reply));
  });
});

process.on("SIGTERM", () => {
  for (const { pid } of jobs.values()) if (pid !== undefined) killGroup(pid, "SIGKILL");
  process.exit(0);
});
server.listen(`${directory}/s`, () => process.stdout.write("ready\n"));
