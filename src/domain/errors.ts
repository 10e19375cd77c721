/**
 * The table of errors: every failure a user can meet, once. The code is stable and part of the interface; the
 * message says what and where, the hint what to do. `status` is the HTTP status, `exit` the exit code of the CLI.
 */
const TABLE = {
  APP_NOT_FOUND: { status: 404, exit: 3, message: "no app matches '{selector}'", hint: "{nearest}see `velos list`" },
  INSTANCE_NOT_FOUND: {
    status: 404,
    exit: 3,
    message: "{app} has no instance {index}",
    hint: "its instances are {range}; `velos scale {app} +1` adds one",
  },
  APP_NAME_INVALID: {
    status: 400,
    exit: 2,
    message: "'{name}' cannot be an app's name: {why}",
    hint: "1 to 64 of A-Z a-z 0-9 _ . - , beginning with a letter or digit, not ending with - ; choose one with --name",
  },
  SELECTOR_INVALID: {
    status: 400,
    exit: 2,
    message: "'{selector}' is not a selector: {why}",
    hint: "write api, api:2, api* or all",
  },
  QUANTITY_INVALID: {
    status: 400,
    exit: 2,
    message: "'{value}' is not a number of instances: {why}",
    hint: "write a number from 1 to {limit}, +N, -N or max",
  },
  CONFIG_INVALID: { status: 400, exit: 2, message: "{where}: {why}", hint: "{hint}" },
  CONFIG_NOT_FOUND: {
    status: 400,
    exit: 2,
    message: "cannot read {path}: {why}",
    hint: "name the file with -f, or run this where velos.toml is",
  },
  USAGE: { status: 400, exit: 2, message: "{why}", hint: "{hint}" },
  SPEC_INVALID: { status: 400, exit: 2, message: "{where}: {why}", hint: "{hint}" },
  SCRIPT_NOT_FOUND: {
    status: 400,
    exit: 2,
    message: "{at}no such script: {path}",
    hint: "{meant}paths are relative to {cwd}{also}",
  },
  SCRIPT_UNREADABLE: {
    status: 400,
    exit: 2,
    message: "{at}cannot read the script {path}: {why}",
    hint: "make it readable for the user that the app runs as",
  },
  SCRIPT_IS_DIRECTORY: {
    status: 400,
    exit: 2,
    message: "{at}{path} is a directory",
    hint: "name the file in it that is to run{meant}",
  },
  SCRIPT_NOT_EXECUTABLE: {
    status: 400,
    exit: 2,
    message: "{at}{path} is not executable",
    hint: "chmod +x it, or name what runs it with --interpreter{meant}",
  },
  INTERPRETER_NOT_FOUND: {
    status: 400,
    exit: 2,
    message: "{at}cannot find '{name}', which should run {path}",
    hint: "install it, or name another with --interpreter{also}",
  },
  CWD_NOT_FOUND: {
    status: 400,
    exit: 2,
    message: "{at}the working directory {path} {why}",
    hint: "create it, or choose another with --cwd",
  },
  ENV_FILE_UNREADABLE: { status: 400, exit: 2, message: "{at}cannot read the env file {path}: {why}", hint: "{hint}" },
  USER_NOT_FOUND: {
    status: 400,
    exit: 2,
    message: "{at}there is no user '{user}' on this machine",
    hint: "create it, or choose another with --uid",
  },
  GROUP_NOT_FOUND: {
    status: 400,
    exit: 2,
    message: "{at}there is no group '{group}' on this machine",
    hint: "create it, or choose another with --gid",
  },
  NOT_YET: {
    status: 501,
    exit: 2,
    message: "{at}{what} is not there yet",
    hint: "it comes with a later release of velos",
  },
  PORT_IN_USE: {
    status: 409,
    exit: 1,
    message: "{address} is already in use{by}",
    hint: "nothing was started; stop what listens there or choose another address",
  },
  ROLLOUT_STALLED: { status: 409, exit: 1, message: "the rollout of {app} stopped: {why}", hint: "{hint}" },
  ROLLOUT_NOT_FOUND: {
    status: 404,
    exit: 1,
    message: "{app} has no rollout {what}",
    hint: "`velos reload {app}` begins one",
  },
  INSTANCE_FAILED: {
    status: 422,
    exit: 1,
    message: "{app}:{index} did not come up: {why}",
    hint: "see `velos logs {app}:{index}`",
  },
  OPERATION_SUPERSEDED: {
    status: 409,
    exit: 1,
    message: "{app}: another command took over before this one was done",
    hint: "see `velos list`",
  },
  BACKEND_FAILED: { status: 502, exit: 1, message: "{backend} refused: {why}", hint: "{hint}" },
  STORE_FAILED: {
    status: 500,
    exit: 1,
    message: "the change to {app} was not saved: {why}",
    hint: "nothing was changed and what runs goes on running; make {path} writable and repeat the command",
  },
  STORE_TOO_NEW: {
    status: 500,
    exit: 1,
    message: "{path} was written by a newer velos (format {version}, this one knows {known})",
    hint: "velosd does not start and touches nothing, and apps go on: run the newer velos, or move the file away and start its app anew",
  },
  PATH_UNSAFE: { status: 500, exit: 1, message: "{path} {why}", hint: "velosd does not start with it; {hint}" },
  STARTUP_FAILED: { status: 500, exit: 1, message: "{why}", hint: "{hint}" },
  DAEMON_UNREACHABLE: { status: 503, exit: 4, message: "cannot reach velosd: {why}", hint: "{hint}" },
  DAEMON_RUNNING: {
    status: 409,
    exit: 1,
    message: "velosd is already running for this scope ({where})",
    hint: "`velos ping` asks it; `velos kill` ends it",
  },
  DAEMON_LEAVING: { status: 503, exit: 4, message: "velosd is stopping", hint: "repeat the command" },
  PERMISSION_DENIED: { status: 403, exit: 4, message: "{path} is not yours to open", hint: "{hint}" },
  UNAUTHORIZED: { status: 401, exit: 4, message: "{why}", hint: "{hint}" },
  FORBIDDEN: { status: 403, exit: 4, message: "{why}", hint: "{hint}" },
  ROUTE_NOT_FOUND: { status: 404, exit: 1, message: "there is no {path}", hint: "see /docs for what there is" },
  METHOD_NOT_ALLOWED: { status: 405, exit: 1, message: "{path} does not take {method}", hint: "it takes {allowed}" },
  BODY_TOO_LARGE: { status: 413, exit: 2, message: "the body is larger than 1 MB", hint: "send less" },
  MEDIA_TYPE_UNKNOWN: {
    status: 415,
    exit: 2,
    message: "the body is not JSON",
    hint: "send it with `Content-Type: application/json`",
  },
  TOO_MANY_REQUESTS: { status: 429, exit: 1, message: "{why}", hint: "ask again later, and not so often" },
  INSTANCE_NOT_LAST: {
    status: 409,
    exit: 1,
    message: "{app}:{index} cannot be deleted: {why}",
    hint: "stop {app}:{index}, or delete the app as a whole",
  },
  MESSAGE_INVALID: { status: 400, exit: 2, message: "{why}", hint: "{hint}" },
  METHOD_NOT_FOUND: {
    status: 404,
    exit: 1,
    message: "velosd knows no '{method}'",
    hint: "it is {version}; is it older than this velos? `velos kill` lets the newer one start",
  },
  CURSOR_INVALID: {
    status: 400,
    exit: 2,
    message: "this cursor is not one of the log: {why}",
    hint: "leave it out, and take the one of the answer",
  },
  LOGS_UNAVAILABLE: { status: 502, exit: 1, message: "cannot read the logs: {why}", hint: "{hint}" },
  INTERNAL: {
    status: 500,
    exit: 1,
    message: "{why}",
    hint: "this is a bug in velos; please report it with the text above",
  },
} as const satisfies Record<string, { status: number; exit: number; message: string; hint: string }>;

export type ErrorCode = keyof typeof TABLE;

/** The values that fill `{…}` in an error's texts. They travel with the error, so that a client may use them. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

/** The shape in which an error crosses a process border (JSON-RPC `error.data`, problem+json members). */
export interface ErrorData {
  code: ErrorCode;
  details: ErrorDetails;
}

const fill = (template: string, details: ErrorDetails): string =>
  template.replace(/\{(\w+)\}/g, (_, key: string) => String(details[key] ?? ""));

/** A failure that a user can meet. Whatever else is thrown is a bug. */
export class VelosError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(fill(TABLE[code].message, details), options);
    this.name = "VelosError";
    this.code = code;
    this.details = details;
  }

  /** What the user can do about it; may be empty. */
  get hint(): string {
    return fill(TABLE[this.code].hint, this.details);
  }

  /** HTTP status for the REST API. */
  get status(): number {
    return TABLE[this.code].status;
  }

  /** Exit code of the CLI: 1 failed, 2 usage, 3 no such app or instance, 4 velosd unreachable. */
  get exitCode(): number {
    return TABLE[this.code].exit;
  }

  toData(): ErrorData {
    return { code: this.code, details: this.details };
  }

  /** What was thrown as one of these errors, also where another bundle's class made it; anything else is INTERNAL. */
  static of(thrown: unknown): VelosError {
    if (thrown instanceof VelosError) return thrown;
    return VelosError.fromData(thrown, thrown instanceof Error ? thrown.message : String(thrown));
  }

  /** Rebuilds an error that came from another process; an unknown code (a newer velosd) becomes INTERNAL. */
  static fromData(data: unknown, fallbackMessage: string): VelosError {
    const { code, details } = (data ?? {}) as Partial<ErrorData>;
    if (typeof code === "string" && Object.hasOwn(TABLE, code)) return new VelosError(code, details ?? {});
    return new VelosError("INTERNAL", { why: fallbackMessage });
  }
}

/** All codes with their HTTP status and exit code, for documentation and for the OpenAPI description. */
export const errorTable: Readonly<Record<ErrorCode, { status: number; exit: number; message: string; hint: string }>> =
  TABLE;
