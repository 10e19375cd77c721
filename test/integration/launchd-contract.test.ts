import { afterAll, beforeAll } from "vitest";
import { backendContract } from "../backend/contract.ts";
import { FakeLaunchd, makeLaunchdHarness } from "./launchd-harness.ts";

let launchd: FakeLaunchd;
beforeAll(async () => {
  launchd = await FakeLaunchd.start();
});
afterAll(() => launchd.stop());

backendContract("launchd, with a mock of it", () => makeLaunchdHarness(launchd));
