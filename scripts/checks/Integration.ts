/**
 * The tests that take real time. Three runs of Vitest at the same time: tests that mostly wait, the tests on real
 * control planes, which wait even more, and the searches for planted bugs, which compute in the meantime.
 */

import { alertmanager } from "./Alertmanager.ts"
import { holmesGpt, jaeger } from "./BuiltOnce.ts"
import { withControlPlanes } from "./ControlPlane.ts"
import { noPrometheus } from "./Prometheus.ts"
import { combine, type Result } from "./Section.ts"
import { vitest } from "./Vitest.ts"

/** Of each run. On two busy cores the searches take half an hour. */
const timeoutSeconds = 3600

export const integration = async (): Promise<Result> => {
  const { env, reason: noAlertmanager } = await alertmanager()
  const [traces, investigator] = [await jaeger(), await holmesGpt()]
  const missing = [noAlertmanager, await noPrometheus(), traces.reason, investigator.reason].filter(
    (reason) => reason !== undefined
  )
  const realTime = () =>
    vitest({
      name: "integration",
      args: ["--project", "integration"],
      timeoutSeconds,
      env: { ...env, ...traces.env, ...investigator.env },
      ...(missing.length === 0 ? {} : { skipReason: missing.join("; ") })
    })
  const planted = () => vitest({ name: "planted", args: ["--project", "planted"], timeoutSeconds, lowPriority: true })
  const cluster = () =>
    withControlPlanes(({ kubeconfigs, reason }) =>
      vitest({
        name: "cluster",
        args: ["--project", "cluster"],
        timeoutSeconds,
        env: { ...env, ...kubeconfigs },
        ...(reason === undefined ? {} : { skipReason: reason })
      })
    )
  return combine(await Promise.all([realTime(), cluster(), planted()]))
}
