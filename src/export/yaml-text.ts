import type { ScalarTag } from "yaml";
import { stringify } from "yaml";

/**
 * What Go's parsers of YAML (kubectl's and compose's) take for numbers and dates besides what YAML 1.1 itself does: they
 * drop each `_` of a word that starts with a digit or a sign, and then try strconv.ParseInt, which also knows `0X1F`, and
 * ParseFloat; dates may be `2006-1-2` (go-yaml, resolve.go).
 */
const GO_NUMBER = /^(?:[-+]?(?:0[xob][\da-f_]+|(?=[._]*\d)[\d_]*(?:\.[\d_]*)?(?:e[-+]?[\d_]+)?)|\d{4}-\d.*)$/i;

/** Never written, as nothing is of it: a text that looks like it is quoted. */
const goNumber: ScalarTag = { tag: "tag:yaml.org,2002:float", default: true, test: GO_NUMBER, resolve: Number };

/**
 * A document of YAML that every parser reads as it was meant. The library writes YAML 1.2, in which `yes`, `1_000` and
 * `12:30:00` are texts; who reads what is exported mostly reads YAML 1.1, in which they are not.
 */
export const yamlText = (value: unknown): string =>
  stringify(value, {
    lineWidth: 0,
    aliasDuplicateObjects: false,
    compat: "yaml-1.1",
    customTags: (tags) => [...tags, goNumber],
  });
