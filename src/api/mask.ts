import type { AppSpec } from "../domain/app.ts";

const MASK = "********";

/** Names of variables whose values are secrets, as people choose them. */
const SECRET =
  /(?:^|_)(?:PASS|PASSWD|PASSWORD|PASSPHRASE|PWD|SECRET|SECRETS|TOKEN|TOKENS|CREDENTIALS?|AUTH|APIKEY|(?:API|ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION|SESSION|COOKIE|LICENSE)_?KEYS?|DSN)(?:_|$)|(?:PASSWORD|SECRET|TOKEN|APIKEY)$/i;
/** A password within a URL. */
const IN_URL = /^([a-z][a-z0-9+.-]*:\/\/[^/\s:@]*):[^/\s@]+@/i;

/** Variables as they may be shown: what looks like a secret by its name, or has a password in its URL, is masked. */
export const maskEnv = (env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      SECRET.test(name) && value !== "" ? MASK : value.replace(IN_URL, `$1:${MASK}@`),
    ]),
  );

/** A spec as it may be shown; velosd has masked what came from env files. */
export const maskSpec = (spec: AppSpec): AppSpec => ({ ...spec, env: maskEnv(spec.env) });
