import { backendContract } from "../backend/contract.ts";
import { makeLaunchdHarness } from "./launchd-harness.ts";

backendContract("launchd, with a mock of it", makeLaunchdHarness);
