import type { MainProcess, ProcessEnd } from "./execute.ts";
import { sendSignal } from "./process-group.ts";
import { mayStillBe, startTimeOf } from "./process-table.ts";

/** How often adopted processes are looked at. Nobody is told of the end of a process that is not a child. */
const LOOK_EVERY_MS = 250;
/** The same while one of them is being ended, since somebody waits for that. */
const HURRY_EVERY_MS = 20;

/**
 * Every so many looks the process is identified by its start time (25 µs); in between it is enough that there is one
 * with its pid (1 µs). That shows a zombie, which nobody waits for in some containers, and a pid that was given away.
 */
const IDENTIFY_EVERY = 8;

interface Watched {
  pid: number;
  startTime: string;
  hurried: boolean;
  end(how: ProcessEnd): void;
}

/** Watches processes that an earlier velosd started: one timer for all of them, and none when there are none. */
export class AdoptedProcesses {
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  /** 0: no timer. */
  #everyMs = 0;

  /** The process as a main process; undefined when it is gone, or its pid is another's by now. */
  adopt(pid: number, startTime: string): MainProcess | undefined {
    const isAlive = (): boolean => startTimeOf(pid) === startTime;
    if (startTime === "" || !isAlive()) return undefined;
    let settle: (how: ProcessEnd) => void = () => undefined;
    const ended = new Promise<ProcessEnd>((resolve) => (settle = resolve));
    const watched: Watched = { pid, startTime, hurried: false, end: settle };
    this.#watched.add(watched);
    this.#pace();
    const hurry = (): void => {
      watched.hurried = true;
      this.#pace();
    };
    return { pid, startTime, ended, isAlive, hurry, detach: () => this.#drop(watched) };
  }

  #look(): void {
    const mustIdentify = ++this.#looks % IDENTIFY_EVERY === 0;
    for (const watched of this.#watched) {
      const isThere = sendSignal(watched.pid, 0);
      if (isThere && (!mustIdentify || mayStillBe(watched.pid, watched.startTime))) continue;
      this.#drop(watched);
      watched.end({});
    }
  }

  #drop(watched: Watched): void {
    this.#watched.delete(watched);
    this.#pace();
  }

  #pace(): void {
    const watched = [...this.#watched];
    const everyMs = watched.length === 0 ? 0 : watched.some(({ hurried }) => hurried) ? HURRY_EVERY_MS : LOOK_EVERY_MS;
    if (everyMs === this.#everyMs) return;
    this.#everyMs = everyMs;
    clearInterval(this.#timer);
    this.#timer = everyMs === 0 ? undefined : setInterval(() => this.#look(), everyMs).unref();
  }
}
