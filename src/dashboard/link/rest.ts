import { storedToken } from "./token.ts";

/** What the API says about a request that failed: the members of problem+json, as far as they are shown. */
export class Problem extends Error {
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, detail: string, hint?: string) {
    super(detail);
    this.status = status;
    this.hint = hint;
  }
}

/** How long an answer may take. A command waits until its instances have settled, and those may take their time. */
const TIMEOUT_MS = 120_000;

/**
 * Asks the REST API.
 * @param path relative to the page, `api/processes/web/restart`
 * @returns what it answered, undefined for an empty answer
 * @throws Problem also when nobody answered (status 0)
 */
export const ask = async (method: string, path: string, body?: unknown, timeoutMs = TIMEOUT_MS): Promise<unknown> => {
  const token = storedToken();
  let response: Response;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method,
      headers: {
        accept: "application/json",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const late = (error as Error).name === "TimeoutError";
    throw new Problem(
      0,
      late ? "velos api has not answered in time" : "velos api cannot be reached",
      late ? "look whether it is done all the same" : "is `velos api` running?",
    );
  }
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text);
  return text === "" ? undefined : (JSON.parse(text) as unknown);
};

const problemOf = (status: number, text: string): Problem => {
  try {
    const { detail, title, hint } = JSON.parse(text) as { detail?: string; title?: string; hint?: string };
    return new Problem(status, detail ?? title ?? `it answered ${status}`, hint);
  } catch {
    return new Problem(status, `velos api answered ${status}`, "is this page served by `velos api` itself?");
  }
};
