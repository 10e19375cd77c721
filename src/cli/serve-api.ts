import { existsSync } from "node:fs";
import { join } from "node:path";
import { selectBackend } from "../backend/select.ts";
import type { Paths } from "../config/paths.ts";
import { version } from "../domain/version.ts";
import type { RunningApi } from "../http/main.ts";
import { resolveContext } from "./resolve-context.ts";
import type { Terminal } from "./terminal.ts";

/** What the commands that serve the API were told. */
export interface ApiRequest {
  terminal: Terminal;
  places: Paths;
  backend: string | undefined;
  where: { host: string; port: number } | { socket: string };
  /** Agents get only the tools that change nothing, whatever their token allows. */
  readOnlyTools?: boolean;
  report: (text: string) => void;
}

/**
 * Serves the API until Ctrl-C or the like comes.
 * @param begun is told where, once it serves
 */
export const serveApiUntilEnded = async (request: ApiRequest, begun: (api: RunningApi) => void): Promise<void> => {
  const { terminal, places: paths, backend, where, readOnlyTools = false, report } = request;
  // A bundle of its own: no other command reads it.
  const { serveApi } = await import("../http/main.ts");
  const ended = new Promise<void>((resolve) => void terminal.onInterrupt?.(() => resolve()));
  const api = await serveApi({
    paths,
    env: terminal.env,
    backend,
    version,
    resolve: await resolveContext(terminal, {
      scope: paths.scope,
      isForSystemd: selectBackend(backend, paths, terminal.env).name === "systemd",
    }),
    cwd: terminal.cwd(),
    uid: terminal.getuid?.() ?? 0,
    where,
    readOnlyTools,
    ...pageIn("dashboard"),
    ...pageIn("docs"),
    report,
  });
  begun(api);
  await ended;
  await api.close();
};

/** A page that was built beside this program; none where it runs from its source. */
const pageIn = (name: "dashboard" | "docs"): { [K in typeof name]?: string } => {
  const directory = join(__dirname, name);
  return existsSync(join(directory, "index.html")) ? { [name]: directory } : {};
};
