// The licences of what is bundled: whoever gets a copy of those packages is to get their notices with it.
import { readdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";

/** The files that a bundle of esbuild was made of, as far as anything of them is in it. */
export const bundledFiles = ({ metafile }) =>
  Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([file]) => file),
  );

/** The directory of the package that a file belongs to; undefined for a file of our own. */
const packageOf = (file) => /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(resolve(file))?.[1];

const LICENSE_FILE = /^(?:licen[cs]e|copying)(?:[.-].*)?$/i;
const NOTICE_FILE = /^notice(?:\..*)?$/i;

const read = async (directory) => {
  const { name, version, license, author } = JSON.parse(await readFile(`${directory}/package.json`, "utf8"));
  const files = await readdir(directory);
  const texts = await Promise.all(
    [files.find((file) => LICENSE_FILE.test(file)), files.find((file) => NOTICE_FILE.test(file))]
      .filter((file) => file !== undefined)
      .map(async (file) => (await readFile(`${directory}/${file}`, "utf8")).replaceAll("\r\n", "\n").trim()),
  );
  if (license === undefined) throw new Error(`${name}: package.json names no licence`);
  const holder = typeof author === "string" ? author : author?.name;
  return { name, version, license, text: texts.join("\n\n") || `${license}${holder ? `, by ${holder}` : ""}` };
};

/**
 * One text for all packages that these files come from, by name; packages with the same words share them.
 * @throws when a package has no licence: such a one cannot be shipped
 */
export const noticesOf = async (files) => {
  const directories = new Set(files.map(packageOf).filter((directory) => directory !== undefined));
  const packages = (await Promise.all([...directories].map(read))).sort((a, b) => (a.name < b.name ? -1 : 1));
  const byText = new Map();
  for (const { name, version, license, text } of packages) {
    const names = byText.get(text) ?? new Set();
    byText.set(text, names.add(`${name} ${version} (${license})`));
  }
  const parts = [...byText].map(([text, names]) => `${[...names].join("\n")}\n\n${text}\n`);
  return `velos contains parts of these packages.\n\n${parts.join(`\n${"-".repeat(72)}\n\n`)}`;
};
