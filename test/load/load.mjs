// A closed-loop HTTP/1.1 load generator: N clients, each with one request outstanding, and nothing forgiven. A request
// whose connection is refused, reset or closed before its answer is complete has failed; one without a complete answer
// within the timeout hangs. wrk reports neither faithfully: it has no timeout for a client and reconnects silently.
//
//   node test/load/load.mjs --url http://127.0.0.1:3000/ --clients 64 --duration 10s [--no-keep-alive] [--requests N]
//                           [--socket PATH] [--timeout 10s] [--by x-instance | --by body] [--header 'Name: value']
//
// prints one JSON report. From a test:  const load = startLoad({ url, clients: 32 }); …; const report = await load.stop();
import { connect } from "node:net";
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** After a failure a client waits this long, so that a dead server is not counted thousands of times a second. */
const PAUSE_AFTER_FAILURE_MS = 10;

/** Reads one answer from chunks of bytes. Throws on what is not HTTP/1.1. */
class AnswerReader {
  #received = Buffer.alloc(0);
  #head;
  #bodyStart = 0;

  /** @returns the answer once it is complete, undefined before */
  push(chunk) {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    if (!this.#head) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      this.#head = parseHead(this.#received.toString("latin1", 0, end));
      this.#bodyStart = end + 4;
    }
    const { status, headers } = this.#head;
    if (status === 204 || status === 304) return this.#complete(this.#bodyStart, "");
    if (headers["transfer-encoding"] === "chunked") return this.#chunked();
    if (headers["content-length"] === undefined) return undefined; // ends with the connection
    const end = this.#bodyStart + Number(headers["content-length"]);
    return this.#received.length < end ? undefined : this.#complete(end);
  }

  /** @returns the answer, where the end of the connection is what completes it */
  end() {
    const { headers } = this.#head ?? {};
    if (!headers || headers["content-length"] !== undefined || headers["transfer-encoding"] === "chunked")
      return undefined;
    return this.#complete(this.#received.length);
  }

  #chunked() {
    let at = this.#bodyStart;
    let body = "";
    for (;;) {
      const lineEnd = this.#received.indexOf("\r\n", at);
      if (lineEnd < 0) return undefined;
      const size = parseInt(this.#received.toString("latin1", at, lineEnd), 16);
      const next = lineEnd + 2 + size + 2;
      if (!(size >= 0)) throw new Error("EPROTO");
      if (this.#received.length < next) return undefined;
      if (size === 0) return this.#complete(next, body);
      body += this.#received.toString("latin1", lineEnd + 2, lineEnd + 2 + size);
      at = next;
    }
  }

  #complete(end, body = this.#received.toString("latin1", this.#bodyStart, end)) {
    // More than one answer to one request would make every later count a lie.
    if (this.#received.length > end) throw new Error("EPROTO");
    return { ...this.#head, body };
  }
}

const parseHead = (text) => {
  const [first, ...lines] = text.split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (!status) throw new Error("EPROTO");
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status, headers };
};

const percentile = (sorted, share) =>
  sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

const round = (number) => Math.round(number * 100) / 100;

/**
 * Starts the clients. They run until `stop()`, `durationMs` or `requests`, whichever is first; every request that was
 * begun is waited for.
 * @param options.by name of an answer's header, or "body": requests are counted by its value, `perInstance`
 * @param options.onFailure called with `{ error, at }` as it happens, for tests that want to know when
 */
export const startLoad = ({
  url = "http://127.0.0.1/",
  socketPath,
  clients = 32,
  keepAlive = true,
  durationMs = Infinity,
  requests = Infinity,
  timeoutMs = 10_000,
  by,
  headers = {},
  onFailure,
}) => {
  const { hostname, port, pathname, search, host } = new URL(url);
  const target = socketPath
    ? { path: socketPath }
    : { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) };
  const lines = Object.entries({ Host: host, Connection: keepAlive ? "keep-alive" : "close", ...headers });
  const request = `GET ${pathname}${search} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;

  const latencies = [];
  const counts = { requests: 0, ok: 0, failed: 0, hung: 0, connections: 0 };
  const errors = {};
  const statuses = {};
  const perInstance = {};
  const startedAt = performance.now();
  let stopping = false;

  /** One request, on `kept` when that is a live connection. Resolves to the connection if it may be used again. */
  const send = (kept) =>
    new Promise((resolve) => {
      const begun = performance.now();
      const reader = new AnswerReader();
      const socket = kept ?? connect({ ...target, noDelay: true });
      if (!kept) {
        counts.connections++;
        socket.lost = false;
      }
      counts.requests++;
      const done = (count, error, answer) => {
        clearTimeout(timer);
        socket.removeAllListeners();
        // Between two requests: a close that is seen before the next request is sent has cost nothing.
        const gone = () => (socket.lost = true);
        socket.on("error", gone).on("end", gone).on("close", gone);
        counts[count]++;
        if (error) {
          errors[error] = (errors[error] ?? 0) + 1;
          onFailure?.({ error, at: performance.now() - startedAt });
        }
        if (answer) {
          latencies.push(performance.now() - begun);
          statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
          if (by) {
            const instance = by === "body" ? answer.body : answer.headers[by];
            perInstance[instance] = (perInstance[instance] ?? 0) + 1;
          }
        }
        const reusable = answer && keepAlive && answer.headers.connection?.toLowerCase() !== "close";
        if (!reusable) socket.destroy();
        resolve({ socket: reusable ? socket : undefined, failed: count !== "ok" });
      };
      const timer = setTimeout(() => done("hung", "ETIMEDOUT"), timeoutMs);
      const answered = (answer) => {
        if (answer)
          done(
            answer.status < 400 ? "ok" : "failed",
            answer.status < 400 ? undefined : `HTTP ${answer.status}`,
            answer,
          );
        return answer !== undefined;
      };
      const read = (step) => {
        try {
          return answered(step());
        } catch (error) {
          done("failed", error.message);
          return true;
        }
      };
      socket.on("data", (chunk) => read(() => reader.push(chunk)));
      socket.on("error", (error) => done("failed", error.code ?? error.message));
      socket.on("end", () => read(() => reader.end()) || done("failed", "EOF"));
      socket.on("close", () => done("failed", "CLOSED"));
      socket.write(request);
    });

  const client = async () => {
    let socket;
    while (!stopping && counts.requests < requests && performance.now() - startedAt < durationMs) {
      // One turn of the loop lets a close that has already arrived be seen.
      if (socket) await new Promise((resolve) => setImmediate(resolve));
      const result = await send(socket?.lost === false ? socket : undefined);
      socket = result.socket;
      if (result.failed) await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS));
    }
    socket?.destroy();
  };

  const report = async () => {
    await Promise.all(Array.from({ length: clients }, client));
    const elapsedMs = performance.now() - startedAt;
    const sorted = Float64Array.from(latencies).sort();
    const shares = Object.values(perInstance);
    return {
      ...counts,
      errors,
      statuses,
      durationMs: Math.round(elapsedMs),
      requestsPerSecond: Math.round((counts.requests / elapsedMs) * 1000),
      latencyMs: {
        p50: round(percentile(sorted, 0.5)),
        p90: round(percentile(sorted, 0.9)),
        p99: round(percentile(sorted, 0.99)),
        p999: round(percentile(sorted, 0.999)),
        max: round(sorted.at(-1) ?? 0),
      },
      ...(by && { perInstance, busiestToQuietest: round(Math.max(...shares) / Math.min(...shares)) }),
    };
  };

  const finished = report();
  return {
    /** Resolves to the report when the clients have ended by themselves. */
    finished,
    /** Counts so far. */
    counts,
    /** No further requests; those outstanding are waited for. */
    stop: () => {
      stopping = true;
      return finished;
    },
  };
};

const milliseconds = (text) => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (!match) throw new Error(`not a duration: ${text}`);
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[match[2] ?? "ms"];
};

const main = async () => {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://127.0.0.1:3000/" },
      socket: { type: "string" },
      clients: { type: "string", default: "32" },
      duration: { type: "string" },
      requests: { type: "string" },
      timeout: { type: "string", default: "10s" },
      by: { type: "string" },
      header: { type: "string", multiple: true, default: [] },
      "no-keep-alive": { type: "boolean", default: false },
    },
  });
  const load = startLoad({
    url: values.url,
    socketPath: values.socket,
    clients: Number(values.clients),
    keepAlive: !values["no-keep-alive"],
    durationMs: values.duration ? milliseconds(values.duration) : values.requests ? Infinity : 10_000,
    requests: values.requests ? Number(values.requests) : Infinity,
    timeoutMs: milliseconds(values.timeout),
    by: values.by,
    headers: Object.fromEntries(values.header.map((line) => line.split(/:\s*/, 2))),
  });
  // Told to end early: the report of what was done so far.
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void load.stop());
  process.stdout.write(`${JSON.stringify(await load.finished, undefined, 2)}\n`);
};

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
