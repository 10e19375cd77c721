// Runs in the virtual machine, at each boot, and in the container of the system tests, which is booted twice for it. At the first: apps in the scopes of root and of a user, some stopped, and
// `velos startup`. At the second nothing is asked of velos until the units say what came back; then a line of JSON.
import { execFileSync, spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

const examples = process.env.VELOS_EXAMPLES ?? "/src/examples";
const USER = "ann";
const UID = 1234;
const asUser = ["runuser", "-u", USER, "--", "env", `HOME=/home/${USER}`, `XDG_RUNTIME_DIR=/run/user/${UID}`];
const scopes = {
  system: { prefix: [], flag: [] },
  user: { prefix: asUser, flag: ["--user"] },
};

const run = (...words) => execFileSync(words[0], words.slice(1), { encoding: "utf8" }).trim();
const velos = (scope, ...words) => run(...scopes[scope].prefix, "node", "/src/dist/velos.cjs", ...words);
const systemctl = (scope, ...words) => run(...scopes[scope].prefix, "systemctl", ...scopes[scope].flag, ...words);

/** Names and statuses of all instances, as velos tells them. */
const told = (scope) =>
  Object.fromEntries(
    JSON.parse(velos(scope, "list", "--json")).apps.flatMap(({ processes }) =>
      processes.map(({ name, status }) => [name, status]),
    ),
  );

const prepare = () => {
  run("useradd", "--create-home", "--uid", String(UID), USER);
  run("loginctl", "enable-linger", USER);
  run("systemctl", "start", `user@${UID}.service`);
  for (const [scope, port] of [
    ["system", "3000"],
    ["user", "3001"],
  ]) {
    velos(scope, "start", `${examples}/http.mjs`, "--name", "web", "-i", "2", "--listen", port);
    velos(scope, "start", "sleep", "--name", "worker", "-i", "2", "--", "100000");
    velos(scope, "start", "sleep", "--name", "still", "-i", "2", "--", "100000");
    velos(scope, "startup");
    velos(scope, "scale", "worker", "+2");
    velos(scope, "stop", "worker:1");
    velos(scope, "stop", "still");
  }
};

/** Instances that should be up after the reboot, in each scope: web 0, 1 and worker 0, 2, 3. */
const EXPECTED = 5;

const activeInstances = (scope) => {
  const { prefix, flag } = scopes[scope];
  const list = ["list-units", "--plain", "--no-legend", "--state=active", "velos-*@*.service"];
  const [program, ...words] = [...prefix, "systemctl", ...flag, ...list];
  // It may fail: a user's manager is not there at once.
  const { stdout } = spawnSync(program, words, { encoding: "utf8" });
  return stdout
    .split("\n")
    .map((line) => line.split(" ")[0])
    .filter(Boolean);
};

/** Microseconds since the machine's start. */
const moment = (scope, unit, property) => Number(systemctl(scope, "show", "--value", `--property=${property}`, unit));

const look = async (scope) => {
  const deadline = Date.now() + 180_000;
  let units = [];
  while (units.length < EXPECTED && Date.now() < deadline) {
    await delay(500);
    units = activeInstances(scope);
  }
  const began = moment(scope, "velosd.service", "ExecMainStartTimestampMonotonic");
  const since = (unit, property) => (moment(scope, unit, property) - began) / 1e6;
  return {
    units,
    /** Since velosd's start: until it serves, until each instance was started, and until each was up. */
    seconds: {
      ready: since("velosd.service", "ActiveEnterTimestampMonotonic"),
      started: units.map((unit) => since(unit, "InactiveExitTimestampMonotonic")),
      up: units.map((unit) => since(unit, "ActiveEnterTimestampMonotonic")),
    },
    told: told(scope),
    answer:
      run("curl", "--silent", "--max-time", "20", `http://127.0.0.1:${scope === "system" ? 3000 : 3001}/`).length > 0,
    exposure:
      scope === "system"
        ? run("systemd-analyze", "security", "--no-pager", "velosd.service").split("\n").at(-1)
        : undefined,
  };
};

/** What this systemd finds wrong with the units of velosd; it looks at those that they name as well. */
const faults = () => {
  const files = ["velosd.socket", "velosd.service", "velos.slice"].map((name) => `/etc/systemd/system/${name}`);
  const { stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...files], { encoding: "utf8" });
  return `${stdout}${stderr}`.split("\n").filter((line) => line.includes("velos"));
};

const nodeSeconds = () => {
  const began = performance.now();
  for (let round = 0; round < 3; round++) run("node", "-e", "0");
  return (performance.now() - began) / 3000;
};

if (process.env.VELOS_BOOT === "0") prepare();
else {
  const system = await look("system");
  const user = await look("user");
  const version = run("systemctl", "--version").split("\n")[0];
  const report = { version, nodeSeconds: nodeSeconds(), faults: faults(), system, user };
  process.stdout.write(`reboot ${JSON.stringify(report)}\n`);
}
