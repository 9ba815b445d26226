/** Packages that ship ESM alone: compiled for Jest like our own sources. */
const esmOnly = [];

module.exports = {
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["@atrium/source", "node", "require", "default"] },
  roots: ["<rootDir>/packages", "<rootDir>/services", "<rootDir>/gateway", "<rootDir>/infra", "<rootDir>/e2e"],
  testMatch: ["**/*.test.ts"],
  testTimeout: 30_000,
  cacheDirectory: "<rootDir>/.cache/jest",
  modulePathIgnorePatterns: ["/dist/"],
  transform: { "\\.([cm]?js|tsx?)$": "<rootDir>/infra/workspace/jest-transform.cjs" },
  transformIgnorePatterns: [`/node_modules/(?!(\\.pnpm/)?(${["@@none", ...esmOnly].join("|")}))`],
};
