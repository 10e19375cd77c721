import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../../src/dashboard/style/theme.css", import.meta.url), "utf8");

/** The colours of a block of the style sheet. */
const coloursOf = (selector: string): Map<string, string> => {
  const from = css.indexOf(`${selector} {`);
  const block = css.slice(from, css.indexOf("}", from));
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name!, value!]));
};

/** Relative luminance, as WCAG 2 defines it. */
const luminance = (colour: string): number => {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
};

const contrast = (a: string, b: string): number => {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
};

const themes = { light: coloursOf(":root"), dark: coloursOf(':root[data-theme="dark"]') };

describe.each(Object.entries(themes))("the %s theme", (_, colours) => {
  const colour = (name: string): string => colours.get(name)!;
  const texts = [
    "text",
    "muted",
    "accent",
    "good",
    "warn",
    "bad",
    ...[...colours.keys()].filter((name) => name.startsWith("hue-")),
  ];

  it("has text that can be read on every surface (AA)", () => {
    for (const text of texts)
      for (const surface of ["bg", "surface", "raised", "hover"])
        expect(contrast(colour(text), colour(surface)), `${text} on ${surface}`).toBeGreaterThanOrEqual(4.5);
    for (const [text, surface] of [
      ["on-accent", "accent"],
      ["on-accent", "bad"],
      ["text", "mark"],
      ["text", "warn-faint"],
      ["text", "bad-faint"],
    ] as const)
      expect(contrast(colour(text), colour(surface)), `${text} on ${surface}`).toBeGreaterThanOrEqual(4.5);
  });

  it("has borders of controls and a focus that can be seen", () => {
    for (const line of ["line-strong", "accent"])
      for (const surface of ["bg", "surface", "raised"])
        expect(contrast(colour(line), colour(surface)), `${line} on ${surface}`).toBeGreaterThanOrEqual(3);
  });
});

it("both themes have the same colours", () => {
  expect([...themes.dark.keys()].sort()).toEqual([...themes.light.keys()].sort());
});
