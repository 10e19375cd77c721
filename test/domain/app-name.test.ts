import fc from "fast-check";
import { expect, test } from "vitest";
import { appNameFromPath, checkAppName, isAppName } from "../../src/domain/app-name.ts";

test.each(["api", "api-web", "api_2", "server.prod", "7", "A", "x".repeat(64), "allover", "a.service.old"])(
  "%s is a name",
  (name) => {
    expect(checkAppName(name)).toBe(name);
  },
);

test.each([
  ["", "it is empty"],
  ["x".repeat(65), "it is 65 characters long"],
  ["-api", "it must begin with a letter or a digit"],
  [".api", "it must begin with a letter or a digit"],
  ["a b", 'it contains " "'],
  ["api\n", 'it contains "\\n"'],
  ["api/../x", 'it contains "/"'],
  ["api@2", 'it contains "@"'],
  ["naïve", 'it contains "ï"'],
  ["a💥", 'it contains "💥"'],
  ["all", "`all` selects every app"],
  ["api.service", "it ends like a unit of systemd"],
  ["api.socket", "it ends like a unit of systemd"],
])("%j is refused: %s", (name, why) => {
  expect(isAppName(name)).toBe(false);
  expect(() => checkAppName(name)).toThrow(
    expect.objectContaining({ code: "APP_NAME_INVALID", exitCode: 2, details: { name, why } }),
  );
});

test.each([
  ["/srv/api/server.prod.mjs", "server.prod"],
  ["worker.py", "worker"],
  ["/srv/my app (2).js", "my-app-2-"],
  ["./_hidden.ts", "hidden"],
  ["/usr/bin/sleep", "sleep"],
])("%s is called %s", (path, name) => expect(appNameFromPath(path)).toBe(name));

test("a file whose name says nothing asks for --name", () => {
  expect(() => appNameFromPath("/srv/日本.js")).toThrow(expect.objectContaining({ code: "APP_NAME_INVALID" }));
  expect(() => appNameFromPath("/srv/all.js")).toThrow(expect.objectContaining({ code: "APP_NAME_INVALID" }));
});

test("a name made of a path is a name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (path) => {
      try {
        expect(isAppName(appNameFromPath(path))).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: "APP_NAME_INVALID" });
      }
    }),
  );
});
