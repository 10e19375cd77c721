import tseslint from "typescript-eslint";

/**
 * Imports go one way: each folder of src may import itself and the folders listed for it, nothing else.
 * domain ◄ config, backend ◄ controller ◄ api ◄ client ◄ cli; daemon wires everything and is imported by nobody but
 * foreground, which is velosd inside of `velos run`.
 */
const zones = {
  domain: [],
  // How the programs load their bundles.
  compiled: [],
  config: ["domain"],
  backend: ["domain", "config"],
  controller: ["domain", "backend"],
  api: ["domain", "backend", "controller"],
  client: ["domain", "config", "backend", "api"],
  metrics: ["domain", "config", "api", "client"],
  http: ["domain", "config", "api", "client", "metrics", "mcp"],
  mcp: ["domain", "config", "api", "client"],
  import: ["domain", "config"],
  // Of backend/systemd the texts: calendar expressions, files of variables.
  export: ["domain", "config", "backend"],
  startup: ["domain", "config", "backend", "api", "client"],
  cli: [
    "compiled",
    "domain",
    "config",
    "backend",
    "controller",
    "api",
    "client",
    "metrics",
    "mcp",
    "fleet",
    "http",
    "startup",
    "import",
    "export",
    "foreground",
  ],
  // Of metrics its tables: what is sent is what is scraped.
  telemetry: ["domain", "config", "backend", "controller", "api", "metrics"],
  daemon: ["compiled", "domain", "config", "backend", "controller", "api", "telemetry"],
  // velosd inside of a command.
  foreground: ["domain", "config", "backend", "controller", "api", "client", "daemon"],
  // Also in the browser: of api its types only, see below.
  fleet: ["domain", "api"],
  dashboard: ["domain", "api", "fleet"],
};

const folders = Object.keys(zones);

const zone = (folder) => {
  const forbidden = folders.filter((other) => other !== folder && !zones[folder].includes(other));
  return {
    files: [`src/${folder}/**/*.{ts,tsx}`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: forbidden.map((other) => `**/${other}/**`),
              message: `src/${folder} may import only ${["itself", ...zones[folder]].join(", ")}`,
            },
            // The border of the service manager's vocabulary.
            ...(folder === "backend"
              ? []
              : [{ group: ["dbus-next"], message: "only src/backend/systemd/bus.ts speaks D-Bus" }]),
          ],
        },
      ],
    },
  };
};

/** What would make the pure part impure. */
const pure = {
  files: ["src/domain/**/*.ts"],
  rules: {
    "no-restricted-globals": ["error", "Date", "process", "setTimeout", "setInterval", "setImmediate", "performance"],
    "no-restricted-properties": ["error", { object: "Math", property: "random" }],
  },
};

/** The schemas stay out of what a browser loads. */
const typesOnly = {
  files: ["src/{fleet,dashboard}/**/*.{ts,tsx}"],
  rules: {
    "@typescript-eslint/no-restricted-imports": [
      "error",
      {
        patterns: [{ group: ["**/api/**"], allowTypeImports: true, message: "a browser takes only types from it" }],
      },
    ],
  },
};

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "test-output/**", "packaging/examples/**", "src/preload/**"] },
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ["./tsconfig.json", "./src/dashboard/tsconfig.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/only-throw-error": "off",
      "@typescript-eslint/prefer-promise-reject-errors": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-console": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
  {
    // Matchers of the test runner are of any type, and what programs print is looked at, not typed.
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "no-console": "off",
    },
  },
  ...folders.map(zone),
  typesOnly,
  pure,
);
