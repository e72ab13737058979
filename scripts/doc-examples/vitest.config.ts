import { dirname } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: dirname(dirname(import.meta.dirname)),
  test: {
    name: "examples",
    include: [".cache/doc-examples/**/*.test.ts"],
    pool: "forks",
    // The first example loads the package, which is slow on a busy machine.
    testTimeout: 60_000
  }
})
