import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { findProcesses, killPids, run, until } from "./process.mjs";

/** What the rows ask of a manager; pm2.mjs has the same. `directory` is where velos keeps its things. */
export const makeVelos = (dist, directory) => {
  mkdirSync(directory, { recursive: true });
  const env = {
    ...process.env,
    VELOS_HOME: directory,
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  };
  const cli = [join(dist, "velos.cjs")];
  const command = (args, options) => run(process.execPath, [...cli, ...args, "--user"], { env, ...options });
  const checked = async (args) => {
    const result = await command(args);
    if (result.code !== 0) throw new Error(`velos ${args.join(" ")}: ${result.code}\n${result.stdout}${result.stderr}`);
    return result;
  };
  const controllerPids = () => findProcesses(`${dist}/velosd.cjs`);
  const deleteAll = async () => {
    const { apps } = JSON.parse((await checked(["list", "--json"])).stdout);
    if (apps.length > 0) await checked(["delete", "all"]);
  };

  return {
    name: "velos",
    command,
    controllerPids,
    deleteAll,
    /** Brings the controller up. */
    ensure: () => checked(["ping"]),
    /**
     * Starts an app. With a port it is a server whose instances share it; `single` is one process started in the way
     * that needs the least.
     */
    start: ({ script, name, instances = 1, port, env: variables = {} }) =>
      checked([
        "start",
        script,
        `--name=${name}`,
        `--instances=${instances}`,
        ...(port ? [`--listen=${port}`] : []),
        ...Object.entries(variables).map(([key, value]) => `--env=${key}=${value}`),
      ]),
    scale: (name, change) => checked(["scale", name, change]),
    reload: (name) => command(["reload", name]),
    list: () => checked(["list"]),
    /** pid by index of what is online. */
    pids: async (name) => {
      const { apps } = JSON.parse((await checked(["list", "--json"])).stdout);
      const processes = apps.find((app) => app.name === name)?.processes ?? [];
      return processes.filter(({ status }) => status === "online").map(({ pid }) => pid);
    },
    /** Calls back with the moment (Date.now) at which the controller saw an instance come online. */
    onOnline: async (told) => {
      const socket = connect(join(directory, "run", "velosd.sock"));
      await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
      createInterface({ input: socket }).on("line", (line) => {
        const item = JSON.parse(line).params?.item;
        if (item?.type === "instance" && item.status === "online") told(item.at);
      });
      socket.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "watch", params: {} })}\n`);
      return () => socket.destroy();
    },
    /** Ends the controller and all it manages. */
    end: async () => {
      if (controllerPids().length > 0) await deleteAll();
      await checked(["kill"]);
      await killPids(controllerPids());
    },
    close: async () => {
      await deleteAll();
      await checked(["kill"]);
      await until("velosd to end", () => controllerPids().length === 0, 10_000);
    },
  };
};
