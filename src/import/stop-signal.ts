import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { ImportedApp, Remark } from "./imported-app.ts";

/** What is larger was put together by a bundler, and mentions signals on behalf of whatever library is in it. */
const LARGEST_SCRIPT = 1024 ** 2;

const HEAD: Remark = {
  key: "kill_signal",
  why: 'pm2 stops apps with SIGINT unless PM2_KILL_SIGNAL says otherwise, velos with SIGTERM; write kill_signal = "SIGINT" for an app that listens for that one only',
};

/**
 * Keeps the graceful end of apps that listen for the signal that pm2 sends. SIGINT for all would take it from those that
 * listen for SIGTERM, so the script is asked; of one that answers nothing there is one remark for all of them.
 * @param directory absolute; paths of the apps are relative to it
 */
export const withStopSignals = async (
  apps: readonly ImportedApp[],
  directory: string,
): Promise<{ apps: ImportedApp[]; remarks: Remark[] }> => {
  const judged = await Promise.all(apps.map((app) => withStopSignal(app, directory)));
  return {
    apps: judged.map(({ app }) => app),
    remarks: judged.every(({ isSettled }) => isSettled) ? [] : [HEAD],
  };
};

const withStopSignal = async (
  app: ImportedApp,
  directory: string,
): Promise<{ app: ImportedApp; isSettled: boolean }> => {
  // It is told by a message, whatever the signal.
  if (app.keys["shutdown_with_message"] === true) return { app, isSettled: true };
  const text = await scriptText(app, directory);
  if (/\bSIGTERM\b/.test(text)) return { app, isSettled: true };
  if (!/\bSIGINT\b/.test(text)) return { app, isSettled: false };
  const why = "the script mentions SIGINT, which pm2 sends, and not SIGTERM, which velos sends otherwise";
  return {
    app: {
      ...app,
      keys: { ...app.keys, kill_signal: "SIGINT" },
      remarks: [...app.remarks, { key: "kill_signal", why }],
    },
    isSettled: true,
  };
};

/** The text of the script, also where it stands within a command line; empty where there is none to read. */
const scriptText = async ({ keys }: ImportedApp, directory: string): Promise<string> => {
  const { script, cwd } = keys;
  if (typeof script !== "string") return "";
  const base = resolve(directory, typeof cwd === "string" ? cwd : ".");
  for (const word of [script, ...script.split(/\s+/)]) {
    const text = word === "" ? undefined : await smallText(resolve(base, word));
    if (text !== undefined) return text;
  }
  return "";
};

const smallText = async (path: string): Promise<string | undefined> => {
  try {
    const state = await stat(path);
    if (!state.isFile() || state.size > LARGEST_SCRIPT) return undefined;
    const text = await readFile(path, "utf8");
    return text.includes("\0") ? undefined : text;
  } catch {
    // Not there, or not for us to read: the remark for all says what there is to say.
    return undefined;
  }
};
