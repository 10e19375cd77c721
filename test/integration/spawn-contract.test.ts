import { backendContract } from "../backend/contract.ts";
import { makeSpawnHarness } from "./spawn-harness.ts";

backendContract("spawn", makeSpawnHarness);
