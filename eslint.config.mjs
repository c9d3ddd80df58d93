// Lint and format in one: the formatter is a rule (dprint, in the way Effect itself is written), so `--fix` formats.
import effect from "@effect/eslint-plugin"
import tseslint from "typescript-eslint"

// In `src`, a name from a package's front door would pull the whole package into every bundle.
const barrels = ["effect", "@effect/platform", "@effect/platform-node", "@effect/platform-browser", "@effect/cli"]

const unused = {
  argsIgnorePattern: "^_",
  varsIgnorePattern: "^_",
  caughtErrorsIgnorePattern: "^_",
  destructuredArrayIgnorePattern: "^_"
}

export default tseslint.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "**/coverage/**", "**/*.d.ts", ".changeset/**"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  tseslint.configs.recommended,
  {
    plugins: { "@effect": effect },
    rules: {
      "@effect/dprint": ["error", {
        config: {
          indentWidth: 2,
          lineWidth: 120,
          semiColons: "asi",
          quoteStyle: "alwaysDouble",
          trailingCommas: "never",
          operatorPosition: "maintain",
          "arrowFunction.useParentheses": "force"
        }
      }],
      "no-var": "error",
      "prefer-const": "error",
      "object-shorthand": "error",
      "eqeqeq": ["error", "always", { null: "ignore" }],
      "no-fallthrough": "error",
      "no-duplicate-imports": "off",
      "no-redeclare": "off",
      "no-empty": ["error", { allowEmptyCatch: false }],
      "require-yield": "off",
      // `pipe()` of a Pipeable hands its `arguments` on as they are.
      "prefer-rest-params": "off",
      "@typescript-eslint/array-type": ["error", { default: "generic", readonly: "generic" }],
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/no-empty-object-type": ["error", { allowInterfaces: "with-single-extends" }],
      "@typescript-eslint/no-namespace": ["error", { allowDeclarations: true }],
      "@typescript-eslint/no-non-null-assertion": "error",
      // `export const X = ...` beside `export type X = ...` and `const enum`-less unions are the idiom here.
      "@typescript-eslint/no-redeclare": "off",
      "@typescript-eslint/no-unused-vars": ["error", unused]
    }
  },
  {
    // The rules that need types are kept to what ships: they cost a whole program.
    files: ["packages/*/src/**/*.ts"],
    languageOptions: {
      parserOptions: {
        project: ["./packages/*/tsconfig.src.json"],
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      "no-restricted-imports": ["error", {
        paths: barrels.map((name) => ({ name, message: `Import the module itself, as in "${name}/Module".` }))
      }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/no-unsafe-type-assertion": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }]
    }
  },
  {
    // Core has the Clock and Random of the fiber it runs in, and no console.
    files: ["packages/core/src/**/*.ts"],
    rules: {
      "no-console": "error",
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Take the time from the session's Clock." },
        { object: "Math", property: "random", message: "Take it from Random, or from the platform's Digests." },
        { object: "performance", property: "now", message: "Take the time from the session's Clock." }
      ],
      "no-restricted-syntax": ["error", {
        selector: "NewExpression[callee.name='Date'][arguments.length=0]",
        message: "Take the time from the session's Clock."
      }]
    }
  },
  {
    files: ["**/*.mjs", "**/*.cjs"],
    rules: { "@typescript-eslint/no-require-imports": "off" }
  }
)
