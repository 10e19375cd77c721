// The program dist/keeper.cjs; see keeper.ts. It imports little: it is there for as long as a listening app is started.
import { closeSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { withControlPath } from "./control-path.ts";
import { Keeper } from "./keeper.ts";
import { listenAndLeave } from "./raw-sockets.ts";

/** Descriptor at which velosd, that started this, waits to hear that it is served. */
const PARENT = 3;

const [, , task, argument = "", velosd] = process.argv;

const keep = (directory: string): void => {
  const path = join(directory, "s");
  const keeper = new Keeper(() => {
    // Before velosd is told: it may start another keeper right then.
    rmSync(path, { force: true });
    setImmediate(() => process.exit(0));
  });
  const server = createServer((socket) => keeper.welcome(socket));
  server.once("error", (error) => {
    writeSync(PARENT, `${error.message}\n`);
    process.exit(1);
  });
  server.once("listening", () => {
    writeSync(PARENT, "ready\n");
    closeSync(PARENT);
  });
  // velosd has made sure that nobody listens there; its successor, if it has one by now, may have another keeper.
  if (process.ppid !== Number(velosd)) process.exit(1);
  rmSync(path, { force: true });
  const umask = process.umask(0o177);
  withControlPath(directory, (short) => server.listen(short));
  process.umask(umask);
};

// It ends with the last socket, not with the terminal or the session that it was started from.
for (const signal of ["SIGHUP", "SIGINT", "SIGPIPE"]) process.on(signal, () => undefined);

if (task === "listen") listenAndLeave(Number(argument));
else keep(argument);
