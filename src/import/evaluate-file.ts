import { spawn } from "node:child_process";
import { VelosError } from "../domain/errors.ts";

/**
 * Loads the file and writes what it exports to descriptor 3 as JSON: what the file itself prints goes elsewhere. A
 * function is called, a promise waited for. As pm2 does, a file of JSON may be an expression of JavaScript.
 */
const LOADER = `
const { readFileSync, writeSync } = require("node:fs");
const { pathToFileURL } = require("node:url");
const file = process.argv[1];
const load = async () => {
  if (file.endsWith(".json")) {
    const text = readFileSync(file, "utf8");
    try { return JSON.parse(text); } catch { return require("node:vm").runInNewContext("(" + text + "\\n)", {}, { filename: file }); }
  }
  let value;
  try { value = file.endsWith(".mjs") ? await import(pathToFileURL(file)) : require(file); }
  catch (error) {
    if (error?.code !== "ERR_REQUIRE_ESM" && error?.code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
    value = await import(pathToFileURL(file));
  }
  if (value?.default !== undefined && (value.__esModule || value[Symbol.toStringTag] === "Module")) value = value.default;
  return await (typeof value === "function" ? value() : value);
};
load().then((value) => {
  const text = Buffer.from(JSON.stringify(value, (_, member) => member instanceof RegExp ? member.source : member) ?? "null");
  for (let at = 0; at < text.length; ) at += writeSync(3, text, at);
  process.exit(0);
}).catch((error) => {
  process.stderr.write("\\n\\0" + (error?.message ?? String(error)).split("\\n")[0] + "\\n\\0" + (String(error?.stack).split("\\n").find((line) => line.includes(file)) ?? "").trim());
  process.exit(1);
});
`;

/** A file that does not come to an end waits for something that will not come. */
const TIMEOUT_MS = 30_000;

/**
 * What a file of JavaScript or JSON says. It is somebody's own code, so it runs in a process of its own, with the
 * caller's environment and directory, as pm2 would run it.
 * @param path absolute
 * @throws VelosError CONFIG_INVALID with what the file threw
 */
export const evaluateFile = async (
  path: string,
  shown: string,
  caller: { execPath: string; env: Readonly<Record<string, string | undefined>>; cwd: string },
): Promise<unknown> => {
  const child = spawn(caller.execPath, ["-e", LOADER, "--", path], {
    cwd: caller.cwd,
    env: caller.env,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let said = "";
  let result = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-10_000)));
  (child.stdio[3] as NodeJS.ReadableStream).setEncoding("utf8").on("data", (text: string) => (result += text));
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, by) => resolve({ code: exitCode, signal: by }));
  });
  if (code === 0 && result !== "") return JSON.parse(result) as unknown;
  const [, message, at] = said.split("\n\0");
  const line = /:(\d+:\d+)\)?$/.exec(at ?? "")?.[1];
  const why =
    signal === "SIGKILL"
      ? `it did not come to an end within ${TIMEOUT_MS / 1000} s`
      : (message ?? `it ended with code ${code} instead of exporting its apps`);
  throw new VelosError("CONFIG_INVALID", {
    where: line === undefined ? shown : `${shown}:${line}`,
    why,
    hint: "it is run as pm2 would run it; try `node -e 'require(\"./…\")'` in its directory",
  });
};
