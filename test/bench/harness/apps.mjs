import { fileURLToPath } from "node:url";
import { makeMarks } from "./marks.mjs";

export const appFile = (name) => fileURLToPath(new URL(`../apps/${name}`, import.meta.url));

/** Below what the kernel gives to outgoing connections. A new one for each app, so that none meets another's remains. */
let nextPort = 21_000;
export const freePort = () => nextPort++;

let serial = 0;

/** Starts a server at a manager and waits until all of its instances listen. */
export const startServer = async (manager, work, { script = "server.cjs", instances = 4, env = {} } = {}) => {
  const marks = makeMarks(work);
  const port = freePort();
  const name = `server${++serial}`;
  const path = script.startsWith("/") ? script : appFile(script);
  const result = await manager.start({ script: path, name, instances, port, env: { ...env, ...marks.env } });
  await marks.wait("listening", instances);
  return { name, port, marks, ...result };
};

/** Starts workers at a manager and waits until all of them run. */
export const startWorkers = async (manager, work, instances) => {
  const marks = makeMarks(work);
  const name = `worker${++serial}`;
  const result = await manager.start({ script: appFile("worker.cjs"), name, instances, env: marks.env });
  await marks.wait("running", instances);
  return { name, marks, ...result };
};
