// Starts Node processes as velos does under systemd: listening sockets made by somebody else at descriptors 3 and up,
// LISTEN_PID, a notification socket, the preload in NODE_OPTIONS. What is loaded is the file as it is shipped.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
export const fixture = (name) => here(`fixtures/${name}`);

/** The preload as the build ships it. */
export const shippedPreload = () =>
  transformSync(readFileSync(here("../../src/preload/preload.cjs"), "utf8"), {
    format: "cjs",
    minify: true,
    platform: "node",
    target: "node20.19",
  }).code;

// Without its site packages, and not through a version manager's shell script: it starts in a tenth of the time.
const PYTHON = [existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3", "-I", "-S"];
const python = (...args) => [PYTHON[0], [...PYTHON.slice(1), ...args]];

/** Below what the kernel gives to outgoing connections, so that none of those is ever in the way. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;

/** A socket that is bound and listens, and from which this process takes nothing. */
const holdSocket = ({ host, port, path }) => {
  const bind = (number) =>
    path
      ? net._createServerHandle(path, -1, -1)
      : net._createServerHandle(host ?? "::", number, host && !host.includes(":") ? 4 : 6);
  let handle = -1;
  let number = port;
  for (let tries = 0; typeof handle === "number"; tries++) {
    if (!port) number = FIRST_PORT + Math.floor(Math.random() * PORTS);
    handle = bind(number);
    if (typeof handle === "number" && (port || path || tries > 100))
      throw new Error(`cannot bind ${path ?? number}: ${handle}`);
  }
  // Node would also accept; another process makes the same socket listen and goes.
  execFileSync(...python("-c", "import socket; socket.socket(fileno=3).listen(4096)"), {
    stdio: ["ignore", "inherit", "inherit", handle.fd],
  });
  return { handle, address: path ? { path } : { ...(host && { host }), port: number } };
};

/**
 * A place for apps. `close()` ends every process that was started here and removes what was made, whatever happened.
 * @param options.node the Node that runs the apps; else VELOS_TEST_NODE, else this one
 */
export const makeHarness = ({ node = process.env.VELOS_TEST_NODE ?? process.execPath } = {}) => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "velos-preload-")));
  const preload = join(directory, "preload.cjs");
  writeFileSync(preload, shippedPreload());
  const processes = new Set();
  const handles = [];
  let serial = 0;

  // Whatever ends this process, unless it is killed outright.
  const abandon = () => {
    for (const child of processes) child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", abandon);

  const track = (child) => {
    processes.add(child);
    child.once("exit", () => processes.delete(child));
    return child;
  };

  const listener = track(spawn(...python(here("notify-listener.py")), { stdio: ["pipe", "pipe", "inherit"] }));
  const onMessage = new Map();
  createInterface({ input: listener.stdout }).on("line", (line) => {
    const [path, message] = line.split("\t");
    onMessage.get(path)?.(message);
  });

  /** Writes a program to a file of its own. */
  const program = (code, extension = "cjs") => {
    const file = join(directory, `program-${serial++}.${extension}`);
    writeFileSync(file, code);
    return file;
  };

  /** Sockets that are held as long as the harness is; no port: a free one. */
  const hold = (...addresses) => {
    const held = addresses.map(holdSocket);
    handles.push(...held.map(({ handle }) => handle));
    return { addresses: held.map(({ address }) => address), fds: held.map(({ handle }) => handle.fd) };
  };

  /**
   * Starts a process. `ready` resolves at its READY=1, and rejects when it ends before; `exited` to its code and signal.
   * @param options.sockets what `hold` returned
   * @param options.ready value of VELOS_READY; "": there is no notification socket
   * @param options.preload false: the same without the preload
   */
  const start = ({
    args,
    sockets,
    ready = "listen",
    env = {},
    index = 0,
    preload: load = true,
    nodeOptions = "",
    command = node,
  }) => {
    const notify = join(directory, `notify-${serial++}`);
    const messages = [];
    const waiting = new Map();
    const told = (message) =>
      messages.includes(message) ? Promise.resolve() : new Promise((resolve) => waiting.set(message, resolve));
    onMessage.set(notify, (message) => {
      messages.push(message);
      waiting.get(message)?.();
    });

    const instance = { index, output: "", messages, told };
    const run = async () => {
      listener.stdin.write(`${notify}\n`);
      await told("LISTENING");
      const child = track(
        spawn(
          "sh",
          [
            "-c",
            sockets ? 'export LISTEN_PID=$$; exec "$@"' : 'export VELOS_PID=$$; exec "$@"',
            "sh",
            command,
            ...args,
          ],
          {
            stdio: ["ignore", "pipe", "pipe", ...(sockets?.fds ?? [])],
            env: {
              PATH: process.env.PATH,
              HOME: directory,
              VELOS_INSTANCE_ID: String(index),
              VELOS_KILL_TIMEOUT: "5000",
              ...(sockets && {
                LISTEN_FDS: String(sockets.fds.length),
                VELOS_LISTEN: JSON.stringify(sockets.addresses),
              }),
              ...(ready && { NOTIFY_SOCKET: notify, VELOS_READY: ready }),
              NODE_OPTIONS: `${load ? `--require ${JSON.stringify(preload)}` : ""} ${nodeOptions}`.trim(),
              ...env,
            },
          },
        ),
      );
      const line = (chunk) => {
        instance.output += chunk;
        for (const waiter of waitingForOutput) waiter();
      };
      child.stdout.on("data", line);
      child.stderr.on("data", line);
      instance.pid = child.pid;
      instance.kill = (signal = "SIGTERM") => child.kill(signal);
      const [code, signal] = await once(child, "close");
      return { code, signal };
    };
    const waitingForOutput = new Set();
    /** Resolves to the match once the output has it. */
    instance.printed = (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(instance.output);
          if (!match) return;
          waitingForOutput.delete(look);
          resolve(match);
        };
        waitingForOutput.add(look);
        look();
        instance.exited.then(() => reject(new Error(`ended before ${pattern}:\n${instance.output}`)));
      });
    instance.exited = run();
    instance.ready = Promise.race([
      told("READY=1"),
      instance.exited.then(({ code, signal }) => {
        throw new Error(`ended (${code ?? signal}) before it was ready:\n${instance.output}`);
      }),
    ]);
    instance.ready.catch(() => undefined);
    return instance;
  };

  /** SIGTERM, and SIGKILL after the kill timeout: what systemd does. Resolves to code, signal and how long it took. */
  const stop = async (instance, timeoutMs = 5000) => {
    const begun = performance.now();
    instance.kill("SIGTERM");
    const timer = setTimeout(() => instance.kill("SIGKILL"), timeoutMs);
    const result = await instance.exited;
    clearTimeout(timer);
    return { ...result, tookMs: performance.now() - begun };
  };

  /**
   * An app of several instances behind shared sockets, which can be rolled.
   * @param options.loadTable false: they do not know of each other's load
   */
  const startApp = async ({ count, loadTable = true, ...rest }) => {
    const table = join(directory, `load-${serial++}`);
    if (loadTable) writeFileSync(table, "");
    const options = { ...rest, env: { ...(loadTable && { VELOS_LOAD_TABLE: table }), ...rest.env } };
    const instances = Array.from({ length: count }, (_, index) => start({ ...options, index }));
    await Promise.all(instances.map(({ ready }) => ready));
    return {
      instances,
      /** One by one, highest index first: the old one ends, then the new one starts. */
      roll: async () => {
        const ends = [];
        for (let index = count - 1; index >= 0; index--) {
          ends.push(await stop(instances[index]));
          instances[index] = start({ ...options, index });
          await instances[index].ready;
        }
        return ends;
      },
    };
  };

  const end = async (...children) => {
    const ended = children.map((child) => once(child, "exit"));
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(ended);
  };

  /** Ends what was started, and lets go of the sockets: between two tests. */
  const clear = async () => {
    await end(...[...processes].filter((child) => child !== listener));
    for (const handle of handles.splice(0)) handle.close();
  };

  const close = async () => {
    await clear();
    process.removeListener("exit", abandon);
    if (processes.has(listener)) await end(listener);
    rmSync(directory, { recursive: true, force: true });
  };

  return { directory, preload, program, hold, start, stop, startApp, clear, close };
};
