import { expect, test } from "vitest";
import { accountByName, findAccount } from "../../../src/backend/spawn/account.ts";
import { familyOf, parseStat, readAllProcesses, startTimeOf } from "../../../src/backend/spawn/process-table.ts";

test("a process whose name is made to confuse is read right", () => {
  const line = "77 (a) S 1 (b c) R 70 71 72 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 5 0 123456 1000 99 0 0";
  expect(parseStat(line)).toEqual({
    pid: 77,
    state: "R",
    parent: 70,
    group: 71,
    session: 72,
    cpuTicks: 100,
    threads: 5,
    startTime: "123456",
    residentPages: 99,
  });
});

test("this process is there, with a start time that stays", () => {
  expect(startTimeOf(process.pid)).toBe(startTimeOf(process.pid));
  expect(startTimeOf(2 ** 30)).toBeUndefined();
  expect(readAllProcesses().some(({ pid }) => pid === process.pid)).toBe(true);
});

test("a family is the group, the session and all descendants, the dead left out", () => {
  const entry = (pid: number, parent: number, group: number, session: number, state = "S") => ({
    pid,
    parent,
    group,
    session,
    state,
    startTime: "",
    cpuTicks: 0,
    threads: 1,
    residentPages: 0,
  });
  const all = [
    entry(10, 1, 10, 10),
    entry(11, 1, 10, 10),
    entry(12, 1, 12, 10),
    entry(13, 12, 13, 13),
    entry(14, 13, 13, 13),
    entry(15, 1, 15, 15),
    entry(16, 10, 10, 10, "Z"),
  ];
  expect(familyOf(10, all).map(({ pid }) => pid)).toEqual([10, 11, 12, 13, 14]);
});

test("users are found by name and number; an unknown one is refused", () => {
  expect(findAccount(undefined, undefined)).toBeUndefined();
  expect(() => findAccount("no-such-user", undefined)).toThrow("no user 'no-such-user'");
  if (process.getuid?.() !== 0) return;
  expect(findAccount("root", undefined)).toBeUndefined();
  const nobody = findAccount("nobody", undefined);
  expect(nobody?.uid).toBeGreaterThan(0);
  expect(findAccount(String(nobody?.uid), undefined)).toEqual(nobody);
  expect(findAccount("4242", undefined)).toMatchObject({ uid: 4242, gid: 4242 });
  // As id(1) finds them, who asks directory services too.
  expect(accountByName("nobody")).toEqual(nobody);
  expect(accountByName("no-such-user")).toBeUndefined();
});
