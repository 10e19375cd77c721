/** The same work for all who ask while it is under way. */
export const shared = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let underWay: Promise<T> | undefined;
  return async () => (underWay ??= work().finally(() => (underWay = undefined)));
};
