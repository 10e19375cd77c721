/** Prints a measured figure, past the test runner's capture. */
export const report = (text: string): void => {
  process.stderr.write(`    · ${text}\n`);
};
