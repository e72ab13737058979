/**
 * The tests that take real time. Three runs of Vitest at the same time: tests that mostly wait, the tests on real
 * control planes, which wait even more, and the searches for planted bugs, which compute in the meantime.
 */

import { alertmanager } from "./Alertmanager.ts"
import { withControlPlanes } from "./ControlPlane.ts"
import { combine, type Result } from "./Section.ts"
import { vitest } from "./Vitest.ts"

const timeoutSeconds = 1800

export const integration = async (): Promise<Result> => {
  const { env, reason: noAlertmanager } = await alertmanager()
  const realTime = () =>
    vitest({
      name: "integration",
      args: ["--project", "integration"],
      timeoutSeconds,
      env,
      ...(noAlertmanager === undefined ? {} : { skipReason: noAlertmanager })
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
