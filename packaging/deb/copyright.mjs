// Writes Debian's copyright file: our licence and those of what is bundled; what Debian keeps a copy of is referred to.
//
//   node copyright.mjs LICENSE NOTICES
import { readFileSync } from "node:fs";

const [license, notices] = process.argv.slice(2).map((file) => readFileSync(file, "utf8"));
const APACHE = /^ *Apache License\s+Version 2\.0, January 2004[\s\S]*?END OF TERMS AND CONDITIONS$/gm;
const REFERENCE =
  "Apache License, Version 2.0: on Debian systems its text is in /usr/share/common-licenses/Apache-2.0.";
process.stdout.write(`velos\n\n${license}\n${notices.replace(APACHE, REFERENCE)}`);
