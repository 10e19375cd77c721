import { version } from "../domain/version.ts";
import { run } from "./run.ts";

// Answered before anything is loaded: scripts ask it often.
const [first] = process.argv.slice(2);
if (first === "--version" || first === "-V" || first === "-v") {
  process.stdout.write(`${version}\n`);
} else {
  void run(process.argv.slice(2), process).then((code) => {
    process.exitCode = code;
  });
}
