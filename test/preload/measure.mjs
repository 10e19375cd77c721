// Figures about the preload that take too long for a test:
//   node test/preload/measure.mjs rolls [rolls]       requests lost while instances are replaced under load
//   node test/preload/measure.mjs evenness [ages]     how requests spread, e.g. `evenness 0,1000,2000`
//   node test/preload/measure.mjs cost                start, memory and throughput, with and without it
// NODE names another Node to run the apps.
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { startLoad } from "../load/load.mjs";
import { fixture, makeHarness } from "./harness.mjs";

const node = process.env.NODE ?? process.execPath;
const print = (row) => process.stdout.write(`${JSON.stringify(row)}\n`);

const withApp = async ({ count = 4, server = "server.cjs", env, preload }, use) => {
  const harness = makeHarness({ node });
  try {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const { port } = sockets.addresses[0];
    const options = { count, args: [fixture(server)], sockets, env: { PORT: String(port), ...env }, preload };
    const app = await harness.startApp(options);
    return await use({ app, harness, url: `http://127.0.0.1:${port}/`, sockets });
  } finally {
    await harness.close();
  }
};

/** Resolves after so many more answers, and at once where the clients cannot make that many in half a minute. */
const served = async (load, more) => {
  const goal = load.counts.ok + more;
  for (let waited = 0; load.counts.ok < goal && waited < 30_000; waited += 20) await setTimeout(20);
};

const rolls = async (times) => {
  const age = { VELOS_MAX_CONNECTION_AGE: process.env.AGE ?? "1000" };
  const cases = [
    { name: "keep-alive", clients: 50, env: age },
    { name: "connection per request", clients: 50, keepAlive: false, env: age },
    { name: "500 ms answers, keep-alive", clients: 100, env: { ...age, DELAY_MS: "500" } },
    { name: "500 ms answers, no keep-alive", clients: 100, keepAlive: false, env: { ...age, DELAY_MS: "500" } },
    { name: "one instance, keep-alive", clients: 50, count: 1, env: age },
    { name: "one instance, connection per request", clients: 50, count: 1, keepAlive: false, env: age },
    { name: "own handler, keep-alive", clients: 50, server: "own-handler.cjs", env: age },
    { name: "own handler, connection per request", clients: 50, server: "own-handler.cjs", keepAlive: false, env: age },
  ];
  for (const { name, clients, keepAlive, env, ...options } of cases) {
    if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
    await withApp({ env, ...options }, async ({ app, url }) => {
      // 100,000 requests in 10 rolls; a hundred clients that wait 500 ms make 200 a second.
      const perRoll = env.DELAY_MS ? 500 : 10_000;
      const load = startLoad({ url, clients, keepAlive });
      const tookMs = [];
      let drainMs = 0;
      for (let i = 0; i < times; i++) {
        await served(load, perRoll);
        const begun = performance.now();
        for (const end of await app.roll()) drainMs = Math.max(drainMs, end.tookMs);
        tookMs.push(Math.round(performance.now() - begun));
      }
      const { requests, failed, hung, errors, latencyMs } = await load.stop();
      tookMs.sort((a, b) => a - b);
      const rollMs = tookMs[tookMs.length >> 1];
      print({
        name,
        rolls: times,
        requests,
        failed,
        hung,
        errors,
        latencyMs,
        rollMs,
        longestEndMs: Math.round(drainMs),
      });
    });
  }
};

const evenness = async (ages) => {
  const cases = [
    { name: "2 ms of work, keep-alive", env: { WORK_MS: "2" } },
    { name: "2 ms of work, connection per request", env: { WORK_MS: "2" }, keepAlive: false },
    { name: "nothing, keep-alive", env: {} },
    { name: "nothing, connection per request", env: {}, keepAlive: false },
  ];
  for (const { name, env, keepAlive } of cases) {
    if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
    for (const age of keepAlive === false ? ages.slice(0, 1) : ages) {
      for (let run = 0; run < Number(process.env.RUNS ?? 3); run++) {
        await withApp({ env: { ...env, VELOS_MAX_CONNECTION_AGE: age } }, async ({ url }) => {
          const load = startLoad({ url, clients: 64, keepAlive, durationMs: 10_000, by: "x-instance" });
          const { perInstance, busiestToQuietest, requestsPerSecond, failed, hung, connections, latencyMs } =
            await load.finished;
          const spread = [0, 1, 2, 3].map((index) => perInstance[index] ?? 0);
          const ratio = spread.includes(0) ? "some idle" : busiestToQuietest;
          print({
            name,
            age,
            spread: spread.join("/"),
            ratio,
            requestsPerSecond,
            connections,
            failed,
            hung,
            p99: latencyMs.p99,
            max: latencyMs.max,
          });
        });
      }
    }
  }
};

const round = (number) => Math.round(number * 100) / 100;

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

const memoryKb = (pid) => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const read = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)[1]);
  return { rss: read("Rss"), private: read("Private_Dirty") + read("Private_Clean") };
};

/** Side by side and in turn, so that whatever else the machine does meets all of them. */
const cost = async () => {
  const harness = makeHarness({ node });
  try {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const { port } = sockets.addresses[0];
    const variants = {
      without: { preload: false, env: { PORT: String(port + 1) } },
      with: { sockets, env: { PORT: String(port) } },
      "with, connections closed at about 2 s": {
        sockets,
        env: { PORT: String(port), VELOS_MAX_CONNECTION_AGE: "2000" },
      },
    };
    const names = Object.keys(variants);
    const perVariant = () => Object.fromEntries(names.map((name) => [name, []]));
    const listening = async (name) => {
      const instance = harness.start({ args: [fixture("time-to-listen.cjs")], ...variants[name] });
      const [, ms] = await instance.printed(/after (\S+)/);
      return { instance, ms: Number(ms) };
    };
    const end = async (instance) => {
      instance.kill("SIGKILL");
      await instance.exited;
    };

    const boot = perVariant();
    for (let i = 0; i < 40; i++) {
      for (const name of names) {
        const { instance, ms } = await listening(name);
        boot[name].push(ms);
        await end(instance);
      }
    }
    for (const name of names)
      print({ what: "ms from start to listening, median of 40", name, ms: round(median(boot[name])) });

    for (const keepAlive of [true, false]) {
      const rates = perVariant();
      const memory = perVariant();
      for (let i = 0; i < 7; i++) {
        for (const name of names) {
          const { instance } = await listening(name);
          const url = `http://127.0.0.1:${variants[name].env.PORT}/`;
          memory[name].push(memoryKb(instance.pid));
          rates[name].push(
            (await startLoad({ url, clients: 32, keepAlive, durationMs: 3000 }).finished).requestsPerSecond,
          );
          await end(instance);
        }
      }
      for (const name of names) {
        const what = `requests/s, ${keepAlive ? "keep-alive" : "connection per request"}, median and best of 7`;
        const kb = median(memory[name].map(({ private: kb }) => kb));
        print({ what, name, median: median(rates[name]), best: Math.max(...rates[name]), privateKbWhenListening: kb });
      }
    }
  } finally {
    await harness.close();
  }
};

const [what, argument] = process.argv.slice(2);
if (what === "rolls") await rolls(Number(argument ?? 10));
else if (what === "evenness") await evenness((argument ?? "0,1000,2000").split(","));
else if (what === "cost") await cost();
else throw new Error("say rolls, evenness or cost");
