import { afterEach, beforeEach, describe } from "vitest";
import type { AppSpec } from "../../src/domain/app.ts";
import { VelosError } from "../../src/domain/errors.ts";
import { adoptionContract } from "./contract/adoption-contract.ts";
import { lifeContract } from "./contract/life-contract.ts";
import { listenContract } from "./contract/listen-contract.ts";
import { logContract } from "./contract/log-contract.ts";
import { processContract } from "./contract/process-contract.ts";
import { readinessContract } from "./contract/readiness-contract.ts";
import { variablesContract } from "./contract/variables-contract.ts";
import { restartContract } from "./contract/restart-contract.ts";
import type { BackendHarness } from "./harness.ts";
import type { Program } from "./programs.ts";
import { Watched } from "./watched.ts";

let serial = 0;

/** What the tests of one backend share: a fresh harness and an open backend for each. */
export interface ContractContext {
  harness: BackendHarness;
  /** The backend that is open now. */
  watched: Watched;
  /** An app's name that no other test uses. */
  app: string;
  /** Prepares and starts instance 0 (of `count`) of the test's app. */
  start(program: Program, overrides?: Partial<AppSpec>, index?: number, count?: number): Promise<AppSpec>;
  /** The same for a program that ends at once: supervisors differ on whether that came up. */
  startBriefly(program: Program, overrides?: Partial<AppSpec>): Promise<void>;
  /** velosd's death and its successor. */
  replaceVelosd(): Promise<void>;
}

/**
 * The promises of `Backend`, for any backend: `backendContract("spawn", makeSpawnHarness)`.
 * @param makeHarness is called before every test; its `cleanup` after it
 * @param options.hasProcesses false leaves out what only instances with real processes can keep
 */
export const backendContract = (
  name: string,
  makeHarness: () => Promise<BackendHarness>,
  { hasProcesses = true } = {},
): void => {
  describe(`the backend contract: ${name}`, () => {
    const context = {} as ContractContext;

    beforeEach(async () => {
      context.harness = await makeHarness();
      context.app = `contract-${process.pid}-${++serial}`;
      context.watched = await new Watched(context.harness.makeBackend()).open();
      context.start = async (program, overrides = {}, index = 0, count = 1) => {
        const spec = context.harness.spec(context.app, program, overrides);
        await context.watched.backend.prepare(spec);
        await context.watched.backend.start(spec, index, count);
        return spec;
      };
      context.startBriefly = async (program, overrides) => {
        await context.start(program, overrides).catch((error: unknown) => {
          if (!(error instanceof VelosError) || error.code !== "BACKEND_FAILED") throw error;
        });
      };
      context.replaceVelosd = async () => {
        await context.watched.backend.close();
        context.watched = await new Watched(context.harness.makeBackend()).open();
      };
    });

    afterEach(async () => {
      try {
        const { backend } = context.watched;
        for (const app of backend.apps()) {
          await Promise.allSettled(backend.observe(app).map(({ index }) => backend.stop(app, index)));
          await backend.release(app);
        }
        await backend.close();
      } finally {
        await context.harness.cleanup();
      }
    });

    lifeContract(context);
    restartContract(context);
    adoptionContract(context);
    readinessContract(context);
    variablesContract(context);
    logContract(context);
    if (!hasProcesses) return;
    processContract(context);
    listenContract(context);
  });
};
