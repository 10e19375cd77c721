import { expect, test } from "vitest";
import type { ErrorCode } from "../../src/domain/errors.ts";
import { errorTable, VelosError } from "../../src/domain/errors.ts";

test("an error says what and where, what to do, and how it is shown", () => {
  const error = new VelosError("INSTANCE_NOT_FOUND", { app: "api", index: 7, range: "0 to 3" });
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe("VelosError");
  expect(error.message).toBe("api has no instance 7");
  expect(error.hint).toBe("its instances are 0 to 3; `velos scale api +1` adds one");
  expect([error.status, error.exitCode]).toEqual([404, 3]);
});

test("what a user wrote is shown as it is, braces included, and a missing detail as nothing", () => {
  expect(new VelosError("APP_NOT_FOUND", { selector: "{selector} $& {hint}" }).message).toBe(
    "no app matches '{selector} $& {hint}'",
  );
  expect(new VelosError("APP_NOT_FOUND").message).toBe("no app matches ''");
});

test("an error crosses a process border whole", () => {
  const error = new VelosError("PORT_IN_USE", { address: "127.0.0.1:3000", by: " by nginx" });
  const back = VelosError.fromData(JSON.parse(JSON.stringify(error.toData())), "unused");
  expect(back).toMatchObject({ code: "PORT_IN_USE", message: error.message, hint: error.hint, details: error.details });
});

test.each([undefined, null, "text", 7, {}, { code: "FROM_A_NEWER_VELOS" }, { code: "toString" }, { code: 7 }])(
  "%j from another process is an internal error with the text that came along",
  (data) => {
    expect(VelosError.fromData(data, "it broke")).toMatchObject({ code: "INTERNAL", message: "it broke" });
  },
);

test("a cause is kept", () => {
  const cause = new Error("ENOSPC");
  expect(new VelosError("STORE_FAILED", {}, { cause }).cause).toBe(cause);
});

test.each(Object.keys(errorTable) as ErrorCode[])("%s has a status, an exit code, and texts on one line", (code) => {
  const { status, exit, message, hint } = errorTable[code];
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(600);
  expect([1, 2, 3, 4]).toContain(exit);
  expect(message).toMatch(/^[^\n]+$/);
  expect(hint).toMatch(/^[^\n]*$/);
  expect(`${message} ${hint}`).not.toMatch(/\{[^\w]|\{\w*[^\w}]/);
});
