// Runs in the virtual machine: what velos finds there in both scopes, and how far a strict app is exposed, as one line of
// JSON on the standard output.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const asRoot = ["node", "/src/dist/velos.cjs", "--system"];
const asTester = [
  ...["runuser", "-u", "tester", "--", "env", "HOME=/home/tester", "XDG_RUNTIME_DIR=/run/user/1000"],
  ...["node", "/src/dist/velos.cjs", "--user"],
];
const run = ([program, ...words]) => {
  try {
    return execFileSync(program, words, { encoding: "utf8" });
  } catch (error) {
    process.stderr.write(String(error.stderr));
    return error.stdout;
  }
};
const facilities = (by) =>
  Object.fromEntries(
    JSON.parse(run([...by, "doctor", "--json"])).facilities.map(({ name, ok, note }) => [name, { ok, note }]),
  );

run(["useradd", "--create-home", "--uid", "1000", "tester"]);
run(["loginctl", "enable-linger", "tester"]);
run(["systemctl", "start", "user@1000.service"]);

/** What an instance finds of itself: a strict one, with a secret. */
mkdirSync("/srv/strict");
writeFileSync(
  "/srv/strict/app.cjs",
  `const { readFileSync, readdirSync, writeFileSync } = require("node:fs");
const attempt = (act) => { try { return act() ?? "done"; } catch (error) { return error.code; } };
console.log("found " + JSON.stringify({
  uid: process.getuid(), homes: attempt(() => readdirSync("/home")), etc: attempt(() => writeFileSync("/etc/x", "")),
  state: attempt(() => writeFileSync(process.env.STATE_DIRECTORY + "/x", "")),
  secret: attempt(() => readFileSync(process.env.CREDENTIALS_DIRECTORY + "/key", "utf8")),
}));
setInterval(() => {}, 1000);
`,
);
writeFileSync(
  "/srv/strict/velos.toml",
  '[apps.strict]\nscript = "app.cjs"\nsandbox = "strict"\ncredentials = { key = { text = "of-the-text" } }\n' +
    '[apps.plain]\nscript = "app.cjs"\nenv = { STATE_DIRECTORY = "/srv/strict", CREDENTIALS_DIRECTORY = "/" }\n',
);
cpSync("/srv/strict", "/home/tester/strict", { recursive: true });
run(["chown", "-R", "tester:", "/home/tester/strict"]);

/** The line that the instance prints. */
const found = async (by) => {
  for (let waited = 0; waited < 60; waited++) {
    const line = /found (.*)/.exec(run([...by, "logs", "strict"]))?.[1];
    if (line !== undefined) return JSON.parse(line);
    await delay(500);
  }
  return undefined;
};
const exposure = (by, app) => JSON.parse(run([...by, "describe", app, "--json"])).exposure;

const scopes = {};
for (const [scope, by, directory] of [
  ["system", asRoot, "/srv/strict"],
  ["user", asTester, "/home/tester/strict"],
]) {
  run([...by, "start", "--config", `${directory}/velos.toml`]);
  scopes[scope] = {
    facilities: facilities(by),
    found: await found(by),
    exposure: { strict: exposure(by, "strict"), plain: exposure(by, "plain") },
  };
}
const controllers = readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").trim().split(" ");
console.log(`doctor ${JSON.stringify({ controllers, scopes })}`);
