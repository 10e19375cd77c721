import { expect, test } from "vitest";
import { parsePrintedJob } from "../../../src/backend/launchd/printed-job.ts";

/** As `launchctl print` is known to answer, with more around it than is read. */
const printed = (...lines: string[]): string =>
  [
    "gui/501/velos.api.0 = {",
    "\tactive count = 1",
    "\tpath = /Users/me/.velos/launchd/velos.api.0.plist",
    "\ttype = LaunchAgent",
    "",
    "\tprogram = /bin/sleep",
    "\targuments = {",
    "\t\t/bin/sleep",
    "\t\tpid = 1",
    "\t}",
    "",
    "\tdefault environment = {",
    "\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin",
    "\t}",
    "",
    "\tenvironment = {",
    "\t\tVELOS_RUN => 0123",
    "\t\tGREETING => a => b",
    "\t\tXPC_SERVICE_NAME => velos.api.0",
    "\t}",
    "",
    "\tdomain = gui/501 [100005]",
    ...lines,
    "\tresource coalition = {",
    "\t\tID = 803",
    "\t\tstate = active",
    "\t\tpid = 2",
    "\t}",
    "}",
    "",
  ].join("\n");

const common = {
  path: "/Users/me/.velos/launchd/velos.api.0.plist",
  environment: { VELOS_RUN: "0123", GREETING: "a => b", XPC_SERVICE_NAME: "velos.api.0" },
};

test("a job that runs for the first time", () => {
  const text = printed("\tstate = running", "\truns = 1", "\tpid = 4711", "\tlast exit code = (never exited)");
  expect(parsePrintedJob(text)).toEqual({ ...common, runs: 1, pid: 4711 });
});

test("a job that was made and never started", () => {
  const text = printed("\tstate = not running", "\truns = 0", "\tlast exit code = (never exited)");
  expect(parsePrintedJob(text)).toEqual({ ...common, runs: 0 });
});

test.each([
  ["\tlast exit code = 0", { code: 0 }],
  ["\tlast exit code = 3", { code: 3 }],
  ["\tlast exit code = 78: EX_CONFIG", { code: 78 }],
  ["\tlast exit code = 1: Operation not permitted", { code: 1 }],
  ["\tlast terminating signal = Killed: 9", { signal: "SIGKILL" }],
  ["\tlast terminating signal = Terminated: 15", { signal: "SIGTERM" }],
  ["\tlast terminating signal = Abort trap: 6", { signal: "SIGABRT" }],
  ["\tlast terminating signal = 15", { signal: "SIGTERM" }],
  ["\tlast terminating signal = Unknown signal: 99", { signal: "signal 99" }],
])("how a job ended: %s", (line, end) => {
  expect(parsePrintedJob(printed("\tstate = not running", "\truns = 2", line))).toEqual({ ...common, runs: 2, end });
});

test("a signal is the end, whatever is said of an earlier run", () => {
  const text = printed("\truns = 7", "\tlast exit code = 0", "\tlast terminating signal = Terminated: 15");
  expect(parsePrintedJob(text)).toEqual({ ...common, runs: 7, end: { signal: "SIGTERM" } });
});

test("nothing is made of an answer that is not understood", () => {
  expect(parsePrintedJob("")).toEqual({ runs: 0, environment: {} });
  expect(parsePrintedJob("pid = 1\nsomething = else {\n\t\tpid = 2\n")).toEqual({ runs: 0, environment: {} });
});
