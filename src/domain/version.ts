declare const VELOS_VERSION: string | undefined;

/** Version of this build, put in by the bundler; `0.0.0` when the sources run unbundled. */
export const version: string = typeof VELOS_VERSION === "string" ? VELOS_VERSION : "0.0.0";
