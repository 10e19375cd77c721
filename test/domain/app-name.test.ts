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
  ["/srv/my app (2).js", "my-app-2"],
  [`${"x".repeat(62)}-- y.js`, "x".repeat(62)],
  ["./_hidden.ts", "hidden"],
  ["/usr/bin/sleep", "sleep"],
])("%s is called %s", (path, name) => expect(appNameFromPath(path)).toBe(name));

test("a file whose name says nothing asks for --name", () => {
  expect(() => appNameFromPath("/srv/日本.js")).toThrow(expect.objectContaining({ code: "APP_NAME_INVALID" }));
  expect(() => appNameFromPath("/srv/all.js")).toThrow(expect.objectContaining({ code: "APP_NAME_INVALID" }));
});

test.each(["api-", "api--", "a-", `${"x".repeat(63)}-`])(
  "%s is no name for a new app, and one that may be there",
  (name) => {
    expect(isAppName(name)).toBe(true);
    expect(() => checkAppName(name)).toThrow(
      expect.objectContaining({
        code: "APP_NAME_INVALID",
        exitCode: 2,
        message: `'${name}' cannot be an app's name: it must not end with a dash`,
        hint: expect.stringContaining("not ending with -"),
      }),
    );
  },
);

/** The prefixes of which systemd reads the drop-ins for a unit, besides its own: cut off behind each dash (systemd.unit(5)). */
const dropInPrefixes = (prefix: string): string[] =>
  [...prefix.matchAll(/-/g)].map(({ index }) => prefix.slice(0, index + 1)).filter((cut) => cut !== prefix);

const newName = fc.stringMatching(/^[a-c][a-c.-]{0,5}$/).filter((name) => {
  try {
    return checkAppName(name) === name;
  } catch {
    return false;
  }
});

test("systemd reads the drop-ins of no app for the units of another", () => {
  expect(dropInPrefixes("velos-api-web")).toEqual(["velos-", "velos-api-"]);
  fc.assert(
    fc.property(newName, newName, (one, other) => {
      expect(dropInPrefixes(`velos-${one}`)).not.toContain(`velos-${other}`);
    }),
    { numRuns: 2000 },
  );
});

test("a name made of a path is a name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (path) => {
      try {
        const name = appNameFromPath(path);
        expect(checkAppName(name)).toBe(name);
      } catch (error) {
        expect(error).toMatchObject({ code: "APP_NAME_INVALID" });
      }
    }),
  );
});
