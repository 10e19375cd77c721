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
    try { return JSON.parse(text); } catch { return expression(text); }
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
const expression = (text) => {
  try { return require("node:vm").runInNewContext("(\\n" + text + "\\n)", {}, { filename: file, lineOffset: -1 }); }
  catch (error) {
    const line = Number(placeIn(error?.stack).split(":")[0]);
    throw line > text.split("\\n").length ? new SyntaxError("Unexpected end of the file") : error;
  }
};
// Where a stack, or what Node prints of an error, says that the file is wrong: a syntax error is told with the line
// before anything else, and its column by carets below that line; whatever is thrown has the place behind a function.
const placeIn = (text) => {
  const lines = String(text).split("\\n");
  const first = [file + ":", pathToFileURL(file) + ":"].find((start) => lines[0].startsWith(start));
  if (first !== undefined) return lines[0].slice(first.length) + ":" + ((lines[2] ?? "").indexOf("^") + 1 || 1);
  const line = lines.find((line) => line.includes(file));
  return /:(\\d+:\\d+)\\)?$/.exec(line?.trim() ?? "")?.[1] ?? "";
};
// Of a module Node keeps the place to itself, and says it only where the module is all that it was asked about.
const placeOf = (error) =>
  placeIn(error?.stack) ||
  (error instanceof SyntaxError && !file.endsWith(".json")
    ? placeIn(require("node:child_process").spawnSync(process.execPath, ["--check", file], { encoding: "utf8" }).stderr)
    : "");
load().then((value) => {
  const text = Buffer.from(JSON.stringify(value, (_, member) => member instanceof RegExp ? member.source : member) ?? "null");
  for (let at = 0; at < text.length; ) at += writeSync(3, text, at);
  process.exit(0);
}).catch((error) => {
  process.stderr.write("\\n\\0" + (error?.message ?? String(error)).split("\\n")[0] + "\\n\\0" + placeOf(error));
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
  const [, message, place] = said.split("\n\0");
  const why =
    signal === "SIGKILL"
      ? `it did not come to an end within ${TIMEOUT_MS / 1000} s`
      : (message ?? `it ended with code ${code} instead of exporting its apps`);
  throw new VelosError("CONFIG_INVALID", {
    where: /^\d+:\d+$/.test(place ?? "") ? `${shown}:${place}` : shown,
    why,
    hint: "it is run as pm2 would run it; try `node -e 'require(\"./…\")'` in its directory",
  });
};
