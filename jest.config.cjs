/** Packages that ship ESM alone: compiled for Jest like our own sources. */
const esmOnly = [];

module.exports = {
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["@atrium/source", "node", "require", "default"] },
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/", "/generated/"],
  testTimeout: 30_000,
  cacheDirectory: "<rootDir>/.cache/jest",
  modulePathIgnorePatterns: ["/dist/", "<rootDir>/.atrium/", "<rootDir>/.cache/"],
  transform: { "\\.([cm]?js|tsx?)$": "<rootDir>/infra/workspace/jest-transform.cjs" },
  transformIgnorePatterns: [`/node_modules/(?!(\\.pnpm/)?(${["@@none", ...esmOnly].join("|")}))`],
};
