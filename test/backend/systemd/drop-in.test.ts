import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeCredentials } from "../../../src/backend/systemd/credentials.ts";
import { writeOrRemove } from "../../../src/backend/systemd/drop-in.ts";
import { makeSpec } from "../programs.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "velos-drop-in-"));
  path = join(directory, "api.env");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Content of which only a part can be written, as where there is no space left. */
async function* chunks() {
  yield "TOKEN=";
  throw new Error("no space left");
}
const tooMuch = (): string => chunks() as unknown as string;

describe("a file that the manager reads", () => {
  it("stays as it was when it cannot be written anew, and nothing is left beside it", async () => {
    await writeOrRemove(path, "TOKEN=old\n", 0o600);
    await expect(writeOrRemove(path, tooMuch(), 0o600)).rejects.toThrow("no space left");
    expect(readFileSync(path, "utf8")).toBe("TOKEN=old\n");
    expect(readdirSync(directory)).toEqual(["api.env"]);
  });

  it("is read to its end by who has it open, whatever is written meanwhile", async () => {
    await writeOrRemove(path, "TOKEN=old\n", 0o600);
    const reader = await open(path);
    await writeOrRemove(path, "TOKEN=new\n", 0o600);
    expect(await reader.readFile("utf8")).toBe("TOKEN=old\n");
    await reader.close();
    expect(readFileSync(path, "utf8")).toBe("TOKEN=new\n");
  });

  it("has the mode that is asked for, also where one with another was", async () => {
    writeFileSync(path, "TOKEN=old\n", { mode: 0o644 });
    await writeOrRemove(path, "TOKEN=new\n", 0o600);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is removed when there is nothing to write", async () => {
    await writeOrRemove(path, "TOKEN=old\n", 0o600);
    await writeOrRemove(path, "", 0o600);
    expect(readdirSync(directory)).toEqual([]);
  });
});

it("a secret that cannot be written anew leaves the one from before, and nothing beside it", async () => {
  const spec = (text: string) => makeSpec("api", ["/bin/app"], { credentials: { token: { text } } });
  await writeCredentials(spec("old"), "user", directory);
  await expect(writeCredentials(spec(tooMuch()), "user", directory)).rejects.toThrow("no space left");
  expect(readdirSync(directory)).toEqual(["token"]);
  expect(readFileSync(join(directory, "token"), "utf8")).toBe("old");
});
