const KNOWN: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is not a directory",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a directory",
  ELOOP: "its links go in a circle",
  ENAMETOOLONG: "its path is too long",
  ERR_ENCODING_INVALID_ENCODED_DATA: "it is not UTF-8 text",
};

/** Why a file could not be read, in words; for what is not a failure to read, the error itself is thrown again. */
export const readFailure = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return KNOWN[code] ?? message;
};

/** True for the failures that mean: nothing is there. */
export const isAbsent = (error: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
