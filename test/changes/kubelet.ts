/** What kubelets and the node controller report of pods and nodes in an outage, on a real API server. */

import { CoreV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from "@kubernetes/client-node"
import { Effect } from "effect"

const patched = setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch)

/** `now`: the time of the report. The API server keeps whole seconds. */
export const kubelet = (kubeconfig: string) => {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const api = config.makeApiClient(CoreV1Api)
  const ofPod = (namespace: string, name: string, status: object) =>
    Effect.asVoid(Effect.promise(() => api.patchNamespacedPodStatus({ namespace, name, body: { status } }, patched)))
  const ready = (status: "True" | "False" | "Unknown", reason: string, now: string) => ({
    type: "Ready",
    status,
    reason,
    lastTransitionTime: now
  })
  return {
    /** The pod cannot pull the image of its container. */
    cannotPull: (
      namespace: string,
      name: string,
      container: { readonly name: string; readonly image: string },
      now: string
    ) =>
      ofPod(namespace, name, {
        conditions: [ready("False", "ContainersNotReady", now)],
        containerStatuses: [
          {
            ...container,
            imageID: "",
            ready: false,
            restartCount: 0,
            state: {
              waiting: {
                reason: "ErrImagePull",
                message: `failed to pull and unpack image "${container.image}": failed to do request: Head "https://registry.example/v2/": dial tcp 192.0.2.1:443: i/o timeout`
              }
            }
          }
        ]
      }),
    /** The pod is not ready, because its node is not. */
    isLost: (namespace: string, name: string, now: string) =>
      ofPod(namespace, name, { conditions: [ready("False", "NodeNotReady", now)] }),
    /** The kubelet of a node no longer says anything. */
    goesSilent: (name: string, now: string) =>
      Effect.asVoid(
        Effect.promise(() =>
          api.patchNodeStatus(
            { name, body: { status: { conditions: [ready("Unknown", "NodeStatusUnknown", now)] } } },
            patched
          )
        )
      )
  }
}
