import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import { findAccount } from "./account.ts";
import { failed } from "./failed.ts";
import { giveTo } from "./health-directory.ts";

/** Directory of an instance's secrets, which it finds in `$CREDENTIALS_DIRECTORY`. */
export const credentialsDirectory = (stateDir: string, app: string, index: number): string =>
  join(stateDir, "credentials", `${app}-${index}`);

/**
 * Lays out the secrets of a run as systemd does: files that only the instance's user can read, in a directory that only
 * they can enter. Read anew at every run, so that a changed one is taken in.
 * @throws VelosError BACKEND_FAILED for one that cannot be read
 */
export const makeCredentials = (stateDir: string, spec: AppSpec, index: number): void => {
  const directory = credentialsDirectory(stateDir, spec.name, index);
  removeCredentials(stateDir, spec.name, index);
  if (spec.credentials === undefined) return;
  mkdirSync(join(stateDir, "credentials"), { recursive: true, mode: 0o711 });
  mkdirSync(directory, { mode: 0o700 });
  const account = findAccount(spec.user, spec.group);
  for (const [name, credential] of Object.entries(spec.credentials)) {
    if ("encrypted" in credential)
      throw failed(
        `the secret ${name} of ${spec.name} is encrypted by systemd-creds`,
        "only systemd can read it; without it, give the secret as a file or a text",
      );
    const path = join(directory, name);
    writeFileSync(path, "text" in credential ? credential.text : contentOf(credential.path, name, spec), {
      mode: 0o600,
    });
    if (account) chownSync(path, account.uid, account.gid);
    chmodSync(path, 0o400);
  }
  giveTo(directory, stateDir, spec);
};

export const removeCredentials = (stateDir: string, app: string, index: number): void =>
  rmSync(credentialsDirectory(stateDir, app, index), { recursive: true, force: true });

const contentOf = (path: string, name: string, spec: AppSpec): Buffer => {
  try {
    return readFileSync(path);
  } catch (error) {
    throw failed(
      `the secret ${name} of ${spec.name} cannot be read: ${(error as Error).message}`,
      "velosd's user must be able to read the file when an instance starts",
      error,
    );
  }
};
