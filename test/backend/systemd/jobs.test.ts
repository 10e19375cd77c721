import { expect, test } from "vitest";
import { Jobs } from "../../../src/backend/systemd/jobs.ts";

test("a result reaches who waits, who asks late, and every one that was given the same job", async () => {
  const jobs = new Jobs();
  const early = jobs.result("/job/1");
  const merged = jobs.result("/job/1");
  jobs.removed("/job/1", "done");
  expect(await Promise.all([early, merged, jobs.result("/job/1")])).toEqual(["done", "done", "done"]);
  expect(jobs.pending).toBe(0);
});

test("a lost connection ends every wait, and what was known before is void", async () => {
  const jobs = new Jobs();
  const waits = [jobs.result("/job/1"), jobs.result("/job/1")];
  jobs.removed("/job/2", "done");
  jobs.lose();
  expect(await Promise.all(waits)).toEqual(["lost", "lost"]);
  const anew = jobs.result("/job/2");
  jobs.removed("/job/2", "failed");
  expect(await anew).toBe("failed");
});
