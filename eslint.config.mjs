import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";
import layers from "./infra/workspace/eslint-layers.mjs";

export default tseslint.config(
  { ignores: ["**/dist/", "**/generated/", "**/node_modules/", ".cache/", ".atrium/", "**/fixtures/"] },
  ...tseslint.configs.recommended,
  {
    files: ["**/*.ts"],
    plugins: { "import-x": importX, atrium: layers },
    settings: { "import-x/resolver-next": [] },
    rules: {
      "atrium/layers": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "import-x/no-extraneous-dependencies": ["error", { devDependencies: true, includeTypes: true }],
      "import-x/no-duplicates": ["error", { "prefer-inline": true }],
      "import-x/no-self-import": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-console": "error",
    },
  },
  { files: ["infra/**", "bench/**", "**/*.test.ts", "**/testing/chaos/main.ts"], rules: { "no-console": "off" } },
  {
    files: ["**/*.cjs"],
    languageOptions: { sourceType: "commonjs" },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
