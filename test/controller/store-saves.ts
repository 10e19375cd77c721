import { vi } from "vitest";
import { Store } from "../../src/controller/store.ts";
import type { AppRecord } from "../../src/domain/record.ts";

/** Has something happen before each save of a record; when it throws, nothing is saved. */
export const beforeSaves = (act: (record: AppRecord) => void | Promise<void>): void => {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its store below
  const { save } = Store.prototype;
  vi.spyOn(Store.prototype, "save").mockImplementation(async function (this: Store, record: AppRecord) {
    await act(record);
    return save.call(this, record);
  });
};

/** Holds the saves of records that are meant until they are let on. */
export const holdSaves = (isMeant: (record: AppRecord) => boolean): { waits: () => boolean; letOn: () => void } => {
  let letOn!: () => void;
  let waits = false;
  const gate = new Promise<void>((resolve) => (letOn = resolve));
  beforeSaves(async (record) => {
    if (!isMeant(record)) return;
    waits = true;
    await gate;
  });
  return { waits: () => waits, letOn };
};
