// What an instance finds out about its own sandbox, as JSON in its state directory. Then it serves, where it listens.
const { execFileSync } = require("node:child_process");
const { readdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const attempt = (act) => {
  try {
    return act() ?? "done";
  } catch (error) {
    return error.code ?? String(error.status ?? error.message);
  }
};
const run = (program, ...args) =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const status = Object.fromEntries(
  readFileSync("/proc/self/status", "utf8")
    .split("\n")
    .map((line) => line.split(":\t")),
);
const initModule = { x64: 175, arm64: 105 }[process.arch];
const directory = process.env.STATE_DIRECTORY ?? process.cwd();
const found = {
  uid: process.getuid(),
  home: process.env.HOME,
  noNewPrivs: status.NoNewPrivs,
  capabilities: status.CapEff,
  bounding: status.CapBnd,
  writes: Object.fromEntries(
    [__dirname, "/etc", "/usr", "/var", "/srv", "/tmp", directory, ...(process.env.PROBE_WRITE ?? "").split(":")]
      .filter(Boolean)
      .map((path) => [path, attempt(() => writeFileSync(join(path, "velos-sandbox-probe"), ""))]),
  ),
  homes: attempt(() => readdirSync("/home")),
  rootsHome: attempt(() => readdirSync("/root")),
  othersProcess: attempt(() => readFileSync("/proc/1/cmdline", "utf8") && "seen"),
  setUserId: attempt(() => Number(run("/srv/velos-sandbox-id", "-u"))),
  // With a null pointer: whoever may load modules is told that this is none.
  module: attempt(() => Number(run("perl", "-e", `syscall(${initModule}, 0, 0, 0); print $!+0`))),
  unshare: attempt(() => run("unshare", "--user", "true") && undefined),
  sysctl: attempt(() => writeFileSync("/proc/sys/kernel/hostname", readFileSync("/proc/sys/kernel/hostname"))),
  devices: attempt(() => readdirSync("/dev").includes("kmsg")),
  processors: require("node:os").cpus().length,
  addresses: attempt(() => Object.keys(require("node:os").networkInterfaces())),
  secrets: process.env.CREDENTIALS_DIRECTORY
    ? Object.fromEntries(
        readdirSync(process.env.CREDENTIALS_DIRECTORY).map((name) => [
          name,
          readFileSync(join(process.env.CREDENTIALS_DIRECTORY, name), "utf8"),
        ]),
      )
    : {},
};
writeFileSync(join(directory, "found.part"), JSON.stringify(found));
renameSync(join(directory, "found.part"), join(directory, "found.json"));
if (process.env.PORT)
  require("node:http")
    .createServer((request, response) => response.end(String(process.pid)))
    .listen(process.env.PORT);
else setInterval(() => {}, 1 << 30);
