import { expect, test } from "vitest";
import type { ContractContext } from "../contract.ts";

/** Variables that are of a run and not of the spec. */
export const variablesContract = (context: ContractContext): void => {
  const read = async (): Promise<Record<string, string>> => {
    const environment = await context.watched.backend.environment(context.app, 0);
    return Object.fromEntries(
      ["LASTING", "ONCE"].flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
    );
  };

  test("lasting variables stay for the runs that follow by themselves; those for one run do not", async () => {
    const { backend } = context.watched;
    const spec = context.harness.spec(context.app, { does: "run" }, { restartDelayMs: 0 });
    await backend.prepare(spec);
    await backend.start(spec, 0, 1, { lasting: { LASTING: "1" }, once: { ONCE: "1" } });
    const { fingerprint: before } = backend.observe(context.app)[0]!;
    await backend.restart(context.app, 0, { lasting: { LASTING: 'two "quoted" $words' }, once: { ONCE: "2" } });
    await backend.restart(context.app, 0);
    expect(await read()).toEqual({ LASTING: 'two "quoted" $words' });
    await backend.restart(context.app, 0, { lasting: { LASTING: "3" }, once: { ONCE: "3" } });
    context.harness.crash(backend, context.app, 0);
    await context.watched.until(
      context.app,
      0,
      "restarted",
      ({ status, restarts }) => status === "online" && restarts === 1,
    );
    expect(await read()).toEqual({ LASTING: "3" });
    expect(backend.observe(context.app)[0]!.fingerprint).toBe(before);
  });

  test("each run finds its own variables in its environment", async () => {
    if (!context.harness.real) return;
    const { environmentOf } = await import("../../integration/systemd/environ.ts");
    const { backend } = context.watched;
    const spec = context.harness.spec(context.app, { does: "run" }, { secretEnv: { TOKEN: "t" } });
    await backend.prepare(spec);
    const found = (): Record<string, string> => environmentOf(backend.observe(context.app)[0]!.pid!);
    await backend.start(spec, 0, 1, { lasting: { LASTING: "1" }, once: { ONCE: "1" } });
    expect(found()).toMatchObject({ LASTING: "1", ONCE: "1", TOKEN: "t" });
    await backend.restart(context.app, 0, { lasting: { LASTING: "2" }, once: {} });
    expect(found()).toMatchObject({ LASTING: "2", TOKEN: "t" });
    expect(found()).not.toHaveProperty("ONCE");
    await context.replaceVelosd();
    await context.watched.backend.restart(context.app, 0);
    expect(environmentOf(context.watched.backend.observe(context.app)[0]!.pid!)).toMatchObject({ LASTING: "2" });
  });
};
