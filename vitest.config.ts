import { defineConfig } from "vitest/config"

/*
 * Two kinds of tests, told apart by file name. `unit` runs on a virtual clock and touches neither network nor processes.
 * `integration` starts real servers and processes, so it takes real time and one file runs at a time.
 * (The examples in comments and Markdown have a configuration of their own: scripts/doc-examples/vitest.config.ts.)
 */
const integration = "test/**/*.integration.test.ts"

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [integration],
          pool: "forks",
          maxWorkers: 2,
          // Nothing in here waits for real time; the limit is for a busy machine.
          testTimeout: 30_000
        }
      },
      {
        test: {
          name: "integration",
          include: [integration],
          pool: "forks",
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      }
    ]
  }
})
