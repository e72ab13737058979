import { assert, describe, it } from "@effect/vitest"
import { isolationAsks } from "../../src/execution/actions/PodIsolation.ts"

const pod = (spec: object, container: object = {}) => ({
  spec: { containers: [{ name: "app", ...container }], ...spec }
})
const secured = (securityContext: object) => pod({}, { securityContext })

type Row = readonly [claim: string, field: string, to: object]

/** Each control of the level `baseline`. */
const controls: ReadonlyArray<Row> = [
  ["the network of the node", "spec.hostNetwork", pod({ hostNetwork: true })],
  ["the processes of the node", "spec.hostPID", pod({ hostPID: true })],
  ["the memory of other processes of the node", "spec.hostIPC", pod({ hostIPC: true })],
  ["a privileged container", "spec.containers.app.securityContext.privileged", secured({ privileged: true })],
  [
    "a further capability",
    "spec.containers.app.securityContext.capabilities.add",
    secured({ capabilities: { add: ["SYS_ADMIN"] } })
  ],
  ["a path of the node", "spec.volumes", pod({ volumes: [{ name: "a", hostPath: { path: "/" } }] })],
  ["a port of the node", "spec.containers.app.ports", pod({}, { ports: [{ containerPort: 80, hostPort: 80 }] })],
  [
    "no AppArmor profile",
    "spec.containers.app.securityContext.appArmorProfile.type",
    secured({ appArmorProfile: { type: "Unconfined" } })
  ],
  [
    "no seccomp profile",
    "spec.securityContext.seccompProfile.type",
    pod({ securityContext: { seccompProfile: { type: "Unconfined" } } })
  ],
  ["an unmasked /proc", "spec.containers.app.securityContext.procMount", secured({ procMount: "Unmasked" })],
  [
    "a sysctl that others share",
    "spec.securityContext.sysctls",
    pod({ securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } })
  ]
]

const allowed: ReadonlyArray<readonly [claim: string, to: object]> = [
  ["another image", pod({}, { image: "app:2" })],
  ["a capability of the default set", secured({ capabilities: { add: ["CHOWN"] } })],
  ["a safe sysctl", pod({ securityContext: { sysctls: [{ name: "net.ipv4.tcp_syncookies", value: "1" }] } })],
  ["a container that may run as root", secured({ runAsNonRoot: false })],
  ["a volume of a ConfigMap", pod({ volumes: [{ name: "a", configMap: { name: "b" } }] })],
  ["a template that cannot be read", { spec: { containers: "none", volumes: 3 } }]
]

describe("an earlier pod template", () => {
  it.each(controls)("with %s needs an approval", (_, field, to) => {
    const asks = isolationAsks("Deployment shop/app", pod({}), to)
    assert.deepStrictEqual(
      asks.map(({ figures, rule }) => [rule, figures?.["field"]]),
      [["weakens-isolation", field]]
    )
  })

  it.each(controls)("with %s needs none where the present one has it too", (_, __, to) => {
    assert.deepStrictEqual(isolationAsks("Deployment shop/app", to, to), [])
  })

  it.each(controls)("without %s needs none", (_, __, to) => {
    assert.deepStrictEqual(isolationAsks("Deployment shop/app", to, pod({})), [])
  })

  it.each(allowed)("with %s needs none", (_, to) => {
    assert.deepStrictEqual(isolationAsks("Deployment shop/app", pod({}), to), [])
  })

  it("of an init container counts", () => {
    const to = { spec: { initContainers: [{ name: "setup", securityContext: { privileged: true } }] } }
    assert.lengthOf(isolationAsks("Deployment shop/app", pod({}), to), 1)
  })

  it("that gets a token again needs an approval", () => {
    const asks = isolationAsks("Deployment shop/app", pod({ automountServiceAccountToken: false }), pod({}))
    assert.deepStrictEqual(
      asks.map(({ figures }) => figures),
      [{ field: "spec.automountServiceAccountToken", grants: "true" }]
    )
  })
})
