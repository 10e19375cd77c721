import type { AppSpec } from "../domain/app.ts";

/** An app as it would run here. */
export interface ExportApp {
  spec: AppSpec;
  instances: number;
}

/** A setting that has no counterpart there, or one that somebody has to look after. */
export interface ExportRemark {
  app: string;
  key: string;
  why: string;
}

/** A file of what was exported. */
export interface ExportFile {
  name: string;
  text: string;
  /** It holds secrets. */
  isPrivate?: true;
}

/** What an export comes to. */
export interface Exported {
  files: ExportFile[];
  remarks: ExportRemark[];
}

/** What a target is told besides the apps. */
export interface ExportOptions {
  /** Image of the containers; `{app}` is the app's name. */
  image?: string;
}

/** Collects remarks about one app. */
export class Remarks {
  readonly list: ExportRemark[] = [];
  readonly #app: string;

  constructor(app: string) {
    this.#app = app;
  }

  add(key: string, why: string): void {
    this.list.push({ app: this.#app, key, why });
  }
}

/** Remarks as lines of a comment, without the mark. */
export const remarkLines = (remarks: readonly ExportRemark[]): string[] =>
  remarks.map(({ key, why }) => `${key}: ${why}`.replace(/\s+/g, " "));

/** Seconds, rounded up: nothing gets less time than it has here. */
export const wholeSeconds = (ms: number): number => Math.ceil(ms / 1000);

/** The first TCP port that an app listens on: held for it, or its own by the variable PORT. */
export const portOf = ({ listen, env, incrementVar }: AppSpec): number | undefined => {
  for (const address of listen) if ("port" in address) return address.port;
  const port = Number(env["PORT"]);
  return incrementVar !== "PORT" && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
};
