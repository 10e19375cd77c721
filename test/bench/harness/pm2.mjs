import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findProcesses, killPids, run, start } from "./process.mjs";

/** The same as velos.mjs, for the pm2 in `program`, with its own PM2_HOME. */
export const makePm2 = (program, home) => {
  mkdirSync(home, { recursive: true });
  const env = {
    ...process.env,
    PM2_HOME: home,
    // It would ask the network for a newer one.
    PM2_DISABLE_VERSION_CHECK: "true",
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  };
  const command = (args, options) => run(process.execPath, [join(program, "bin", "pm2"), ...args], { env, ...options });
  const checked = async (args, variables) => {
    const result = await command(args, { env: { ...env, ...variables } });
    if (result.code !== 0) throw new Error(`pm2 ${args.join(" ")}: ${result.code}\n${result.stdout}${result.stderr}`);
    return result;
  };
  const listed = async () => {
    const { stdout } = await checked(["jlist"]);
    // The first command greets before it answers.
    return JSON.parse(stdout.slice(stdout.lastIndexOf("\n[") + 1));
  };
  // It calls itself so, with its home behind it.
  const controllerPids = () => findProcesses(`God Daemon (${home})`);
  const deleteAll = async () => {
    if ((await listed()).length > 0) await checked(["delete", "all"]);
  };
  const end = async () => {
    await command(["kill"]);
    await killPids(controllerPids());
  };

  return {
    name: "pm2",
    version: JSON.parse(readFileSync(join(program, "package.json"), "utf8")).version,
    command,
    controllerPids,
    deleteAll,
    ensure: () => checked(["ping"]),
    // A port, or more than one instance: cluster mode, as `-i` asks for it.
    start: ({ script, name, instances = 1, port, env: variables = {} }) =>
      checked(["start", script, "--name", name, ...(port || instances > 1 ? ["-i", String(instances)] : [])], {
        ...variables,
        ...(port && { PORT: String(port) }),
      }),
    scale: (name, change) => checked(["scale", name, change]),
    reload: (name) => command(["reload", name]),
    list: () => checked(["list"]),
    pids: async (name) =>
      (await listed())
        .filter((entry) => entry.name === name && entry.pm2_env.status === "online")
        .map(({ pid }) => pid),
    onOnline: async (told) => {
      const watcher = start(process.execPath, [fileURLToPath(new URL("pm2-events.cjs", import.meta.url)), program], {
        env,
      });
      const lines = createInterface({ input: watcher.stdout });
      await new Promise((resolve, reject) => {
        watcher.once("exit", (code) => reject(new Error(`pm2-events.cjs ended with ${code}`)));
        lines.on("line", (line) => {
          const { event, at } = JSON.parse(line);
          if (event === "watching") resolve();
          else if (event === "online") told(at);
        });
      });
      return () => watcher.kill();
    },
    end,
    close: end,
  };
};
