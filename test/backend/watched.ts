import type { Backend } from "../../src/backend/backend.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";

/** How long anything in a contract test may take before it has failed. */
const PATIENCE_MS = 10_000;

/** A backend that is open, with all that it announced: tests wait for changes, never for time. */
export class Watched {
  readonly backend: Backend;
  /** What was observed at each announcement, oldest first. */
  readonly seen: { app: string; instances: ObservedInstance[] }[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(backend: Backend) {
    this.backend = backend;
  }

  async open(): Promise<this> {
    await this.backend.open((app) => {
      this.seen.push({ app, instances: structuredClone(this.backend.observe(app)) });
      for (const look of this.#waiting) look();
    });
    return this;
  }

  /** The instance, when it is as described; looks at once and at every announcement of the app. */
  until(
    app: string,
    index: number,
    what: string,
    isSo: (instance: ObservedInstance) => boolean,
  ): Promise<ObservedInstance> {
    const find = (): ObservedInstance | undefined => this.one(app, index);
    return this.#when(`${app}:${index} ${what}`, app, () => {
      const instance = find();
      return instance !== undefined && isSo(instance) ? instance : undefined;
    });
  }

  /** Resolves when no such instance is there. */
  async untilGone(app: string, index: number): Promise<void> {
    await this.#when(`${app}:${index} gone`, app, () => (this.one(app, index) === undefined ? true : undefined));
  }

  one(app: string, index: number): ObservedInstance | undefined {
    return this.backend.observe(app).find((instance) => instance.index === index);
  }

  /** Statuses that the instance was announced with, repetitions left out. */
  statuses(app: string, index: number): string[] {
    const all = this.seen
      .filter((change) => change.app === app)
      .map(({ instances }) => instances.find((instance) => instance.index === index)?.status ?? "absent");
    return all.filter((status, at) => status !== all[at - 1]);
  }

  #when<T>(what: string, app: string, look: () => T | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const check = (): void => {
        const found = look();
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(
          new Error(
            `not seen within ${PATIENCE_MS / 1000} s: ${what}; there is ${JSON.stringify(this.backend.observe(app))}`,
          ),
        );
      }, PATIENCE_MS);
      this.#waiting.add(check);
      check();
    });
  }
}

/** True for an instance that has ended and is not restarted. */
export const isDead = ({ status }: Pick<ObservedInstance, "status">): boolean =>
  status === "stopped" || status === "errored";
