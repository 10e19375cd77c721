import { access, constants, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Scope } from "../backend.ts";
import { replaceFile } from "../replace-file.ts";

/** Where the text of an app's secret is kept for the manager: nobody but velosd's own user may read it. */
export const credentialFile = (directory: string, name: string): string => join(directory, name);

/**
 * Why the system's manager cannot hand out secrets; undefined when it can. It mounts them in a process of its own, and
 * an instance sees that only where mounts are passed on: not in a container whose `/run` is private.
 */
export const whyNoCredentials = async (scope: Scope): Promise<string | undefined> => {
  if (scope === "user") return undefined;
  const mounts = await readFile("/proc/1/mountinfo", "utf8").catch(() => "");
  const fields = mounts.split("\n").map((line) => line.split(" "));
  const mount =
    fields.findLast(([, , , , path]) => path === "/run") ?? fields.findLast(([, , , , path]) => path === "/");
  if (mount === undefined || mount.some((field) => field.startsWith("shared:"))) return undefined;
  return `${mount[4]} is a private mount, as in some containers: what systemd puts there for an instance stays unseen`;
};

/**
 * Writes the secrets that are texts, and sees that those that are files can be read: the manager does so at every start
 * of an instance. SetCredential would do without a file, and show the text to everybody in `systemctl show`.
 * @throws VelosError BACKEND_FAILED
 */
export const writeCredentials = async (spec: AppSpec, scope: Scope, directory: string): Promise<void> => {
  const { name: app, credentials = {} } = spec;
  const why = spec.credentials && (await whyNoCredentials(scope));
  if (why !== undefined)
    throw new VelosError("BACKEND_FAILED", {
      backend: "systemd",
      why: `${app} cannot be given its secrets: ${why}`,
      hint: "`mount --make-rshared /`, or pass them in an env_file",
    });
  const texts = new Set<string>();
  for (const [name, credential] of Object.entries(credentials)) {
    if ("text" in credential) {
      texts.add(name);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await replaceFile(credentialFile(directory, name), credential.text, { mode: 0o600 });
      continue;
    }
    const path = "path" in credential ? credential.path : credential.encrypted;
    try {
      await access(path, constants.R_OK);
    } catch (error) {
      throw new VelosError(
        "BACKEND_FAILED",
        {
          backend: "systemd",
          why: `the secret ${name} of ${app} cannot be read: ${(error as Error).message}`,
          hint: "velosd's user must be able to read the file when an instance starts",
        },
        { cause: error },
      );
    }
  }
  for (const name of await readdir(directory).catch(() => []))
    if (!texts.has(name)) await rm(join(directory, name), { force: true });
};
