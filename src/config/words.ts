/** What is wrong with a command line: `why` continues "it …". */
export class WordsError extends Error {}

/**
 * Splits a command line into words as a shell would, without being one: single quotes keep everything, double quotes
 * keep all but `\"`, `\\`, `\$` and `` \` ``, a backslash keeps the next character. Nothing is expanded: `$HOME` and `*`
 * stay as they are.
 * @throws WordsError for an open quote, and for an operator of the shell (`|`, `&`, `;`, `<`, `>`) outside of quotes,
 *   which would otherwise reach the program as an argument to nobody's use
 */
export const splitWords = (line: string): string[] => {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (char === "'") {
      const end = line.indexOf("'", i + 1);
      if (end < 0) throw new WordsError("has a ' that is not closed");
      word = (word ?? "") + line.slice(i + 1, end);
      i = end;
    } else if (char === '"') {
      word ??= "";
      for (i++; line[i] !== '"'; i++) {
        if (i >= line.length) throw new WordsError('has a " that is not closed');
        if (line[i] === "\\" && '"\\$`'.includes(line[i + 1] ?? "-")) i++;
        word += line[i]!;
      }
    } else if (char === "\\") {
      if (i + 1 >= line.length) throw new WordsError("ends with a backslash");
      word = (word ?? "") + line[++i]!;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if ("|&;<>".includes(char)) {
      throw new WordsError(`has a ${char} outside of quotes, which only a shell understands`);
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
};
