import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";

const tests = readdirSync("test", { recursive: true, encoding: "utf8" })
  .filter((name) => name.startsWith("integration/") && name.endsWith(".test.ts"))
  .map((name) => readFileSync(join("test", name), "utf8"))
  .join("\n");

it.each(readdirSync("packaging/examples"))("packaging/examples/%s is run by a test", (name) => {
  // The image is built of the Dockerfile of the directory, and runs its velos.toml.
  const words = name === "Dockerfile" ? 'podman(...BUILD, "--from", node' : name;
  expect(tests).toContain(words);
});

it("packaging/examples/velos.toml can be read, and its apps are files of the directory", async () => {
  const { apps } = await loadConfig("packaging/examples/velos.toml", process.cwd());
  for (const { settings } of apps) expect(readdirSync("packaging/examples")).toContain(settings.script);
});
