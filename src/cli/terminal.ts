/** Everything a command touches of the outside, so that the whole CLI can run inside a test. */
export interface Terminal {
  stdin: NodeJS.ReadableStream;
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  env: Readonly<Record<string, string | undefined>>;
  cwd: () => string;
  getuid?: () => number;
  getgid?: () => number;
  execPath: string;
}
