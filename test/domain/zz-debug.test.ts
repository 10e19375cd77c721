import { readFileSync } from "node:fs";
import { test } from "vitest";
import { live } from "./story.ts";
test("debug", () => {
  for (const line of readFileSync("/tmp/stories.jsonl", "utf8").split("\n").filter(Boolean)) {
    const story = JSON.parse(line)[0];
    console.log("=====", JSON.stringify(story.happenings), story.rollout);
    (globalThis as any).TRACE = (r: any, o: any, p: any, w: any) => console.log(w.now, r.rollout?.kind, r.rollout?.status, JSON.stringify(r.rollout?.from), "inst", r.instances, JSON.stringify(r.holds), "|", o.instances.map((i: any) => `${i.index}:${i.status}:${i.run}:${i.fingerprint.slice(0, 3)}:${i.restarts}`).join(" "), "| pend", JSON.stringify([...o.pending]), "ref", JSON.stringify([...o.refused]), "=>", JSON.stringify(p));
    let n = 0; const t = (globalThis as any).TRACE; (globalThis as any).TRACE = (...a: any[]) => { if (n++ < 60) t(...a); };
    try { live(story); } catch (e) { console.log(String(e)); }
  }
});
