import { signal } from "@preact/signals";
import { ask, Problem } from "./link/rest.ts";

/** What can be done to an app or an instance. */
export type Verb = "start" | "stop" | "restart" | "reload" | "scale" | "delete";

/** A word about what was done, or why not. */
export interface Notice {
  id: number;
  kind: "done" | "failed";
  text: string;
  hint: string | undefined;
}

/** Commands under way, as `restart api:2`: their buttons wait. */
export const underWay = signal<ReadonlySet<string>>(new Set());
export const notices = signal<readonly Notice[]>([]);

/** Long enough to be read; failures stay until they are dismissed. */
const NOTICE_MS = 5000;
let noticeId = 0;

const done: Readonly<Record<Verb, (name: string) => string>> = {
  start: (name) => `${name} started`,
  stop: (name) => `${name} stopped`,
  restart: (name) => `${name} restarted`,
  reload: (name) => `${name}: reload under way`,
  scale: (name) => `${name} scaled`,
  delete: (name) => `${name} deleted`,
};

/** Has velosd do something, and says how it ended. */
export const act = async (verb: Verb, name: string, instances?: number | string): Promise<void> => {
  const key = `${verb} ${name}`;
  if (underWay.value.has(key)) return;
  underWay.value = new Set([...underWay.value, key]);
  try {
    await request(verb, name, instances);
    notify("done", done[verb](name));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    notify("failed", `${verb} ${name}: ${error.message}`, error.hint);
  } finally {
    underWay.value = new Set([...underWay.value].filter((one) => one !== key));
  }
};

const request = async (verb: Verb, name: string, instances: number | string | undefined): Promise<unknown> => {
  const path = `api/processes/${encodeURIComponent(name)}`;
  switch (verb) {
    case "delete":
      return ask("DELETE", path);
    case "reload":
      return ask("POST", `${path}/restart`, { rolling: true });
    case "restart":
      return ask("POST", `${path}/restart`);
    case "scale":
      return ask("POST", `${path}/scale`, { instances });
    case "start":
    case "stop":
      return ask("POST", `${path}/${verb}`);
  }
};

/** A new app, with the keys of velos.toml. */
export interface NewApp {
  name: string;
  script: string;
  instances: number;
  cwd?: string;
  listen?: string[];
}

/**
 * Starts an app that there is not yet.
 * @throws Problem what is wrong with it
 */
export const create = async (app: NewApp): Promise<void> => {
  await ask("POST", "api/processes", app);
  notify("done", `${app.name} started`);
};

/** Holds a rollout, goes on with it, or goes back. */
export const actOnRollout = async (what: "pause" | "resume" | "undo", app: string): Promise<void> => {
  try {
    await ask("POST", `api/processes/${encodeURIComponent(app)}/rollout/${what}`);
    notify("done", `${app}: rollout ${what === "pause" ? "paused" : what === "resume" ? "goes on" : "undone"}`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    notify("failed", `${what} the rollout of ${app}: ${error.message}`, error.hint);
  }
};

const notify = (kind: Notice["kind"], text: string, hint?: string): void => {
  const id = ++noticeId;
  notices.value = [...notices.value.slice(-3), { id, kind, text, hint }];
  if (kind === "done") setTimeout(() => dismiss(id), NOTICE_MS);
};

/** Takes a notice away. */
export const dismiss = (id: number): void => {
  notices.value = notices.value.filter((notice) => notice.id !== id);
};
