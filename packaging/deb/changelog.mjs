// Writes what CHANGELOG.md says of a version, or as long as it is not out of the next one, as Debian's changelog.
//
//   node changelog.mjs CHANGELOG.md VERSION MAINTAINER EPOCH
import { readFileSync } from "node:fs";

const [file, version, maintainer, epoch] = process.argv.slice(2);
const sections = readFileSync(file, "utf8").split(/^## /m).slice(1);
const release = version.replace("~", "-");
const section =
  sections.find((text) => text.split("\n")[0].startsWith(release)) ??
  sections.find((text) => text.startsWith("Unreleased"));
const entries = (section ?? "").split(/^- /m).slice(1);

/** Lines of 80 characters, the first behind a star. */
const item = (text) => {
  const lines = [];
  let line = "  *";
  for (const word of text.trim().split(/\s+/)) {
    if (line.length + 1 + word.length > 80) {
      lines.push(line);
      line = "   ";
    }
    line += ` ${word}`;
  }
  return [...lines, line].join("\n");
};

// As RFC 5322 has it, in UTC: "Thu, 01 Jan 1970 00:00:00 GMT" but for the zone.
const date = new Date(Number(epoch) * 1000).toUTCString().replace("GMT", "+0000");
const items = (entries.length > 0 ? entries : ["See the project's history."]).map(item).join("\n");
process.stdout.write(`velos (${version}) unstable; urgency=medium\n\n${items}\n\n -- ${maintainer}  ${date}\n`);
