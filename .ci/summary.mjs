// What the test tiers' JSON reports in a directory say together: each test that failed or needed another try, with why,
// and as the last line `N passed, N failed, N skipped`. Exits with 1 when one failed.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const directory = process.argv[2];
let passed = 0;
let failed = 0;
let skipped = 0;
/** What failed comes last: the end of a log is what is read. */
const told = { retried: [], failed: [] };

/** A failure's first lines, without colours and stack. */
const reasons = (messages) =>
  [...new Set(messages)].map((message) =>
    message
      .replace(/\x1b\[[0-9;]*m/g, "")
      .split("\n    at ")[0]
      .split("\n")
      .slice(0, 12)
      .map((line) => `    ${line.slice(0, 400)}`)
      .join("\n"),
  );
const tell = (list, what, file, name, messages) =>
  list.push(
    [`${what}: ${relative(".", file)}${name === undefined ? "" : ` > ${name}`}`, ...reasons(messages)].join("\n"),
  );

let reports = [];
try {
  reports = readdirSync(directory).filter((name) => name.endsWith(".json"));
} catch {
  // Nothing has been run.
}
for (const name of reports) {
  const report = JSON.parse(readFileSync(join(directory, name), "utf8"));
  passed += report.numPassedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  failed += report.numFailedTests;
  for (const { name: file, status, message, assertionResults } of report.testResults) {
    // A file that cannot even be loaded has no tests to count.
    if (status === "failed" && assertionResults.length === 0) {
      failed++;
      tell(told.failed, "failed", file, undefined, [message]);
    }
    for (const { status: outcome, fullName, failureMessages = [] } of assertionResults) {
      if (outcome === "failed") tell(told.failed, "failed", file, fullName, failureMessages);
      else if (failureMessages.length > 0) tell(told.retried, "passed at another try", file, fullName, failureMessages);
    }
  }
}
for (const line of [...told.retried, ...told.failed]) console.log(line);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
