import { assert, describe, it } from "@effect/vitest"
import { catalog } from "../../src/decision/ActionCatalog.ts"
import { type Action, kindsOf } from "../../src/domain/Action.ts"
import { meanings } from "../../src/intake/AlertTarget.ts"
import { accessText, covers, permissionText } from "../../src/kubernetes/AccessRules.ts"
import {
  accessOf,
  acting,
  actPermissions,
  alertKinds,
  allPermissions,
  observePermissions,
  recordPermissions
} from "../../src/kubernetes/Permissions.ts"
import { grants, manifests, roleText, rulesOf } from "./LeastRole.ts"

const texts = (permissions: ReadonlyArray<Parameters<typeof permissionText>[0]>) =>
  permissions.map(permissionText).sort()

describe("the least role", () => {
  it("deploy/rbac.yaml grants exactly the permissions of the table, each once", () => {
    assert.deepStrictEqual([...grants(rulesOf("kubernaut-observe"))].sort(), texts(observePermissions))
    assert.deepStrictEqual([...grants(rulesOf("kubernaut-act"))].sort(), texts(actPermissions))
    assert.deepStrictEqual([...grants(rulesOf("kubernaut-changes"))].sort(), texts(recordPermissions))
  })

  it("the roles to record changes only read, and only the optional one reads secrets", () => {
    assert.isTrue(grants(rulesOf("kubernaut-changes")).every((grant) => /^(list|watch) (?!secrets)/.test(grant)))
    assert.deepStrictEqual(grants(rulesOf("kubernaut-changes-secrets")), ["list secrets", "watch secrets"])
  })

  it("the role of observe writes nothing, and no role reads secrets or grants by wildcard or by name", () => {
    assert.isTrue(grants(rulesOf("kubernaut-observe")).every((grant) => /^(get|list) /.test(grant)))
    for (const { resourceNames, ...rule } of [...rulesOf("kubernaut-observe"), ...rulesOf("kubernaut-act")]) {
      assert.isUndefined(resourceNames)
      assert.notMatch(JSON.stringify(rule), /\*|secrets|"(bind|escalate|impersonate)"/)
    }
    const deleted = grants(rulesOf("kubernaut-act")).filter((grant) => grant.startsWith("delete "))
    for (const never of ["pods", "nodes", "namespaces", "persistentvolumeclaims"])
      assert.notInclude(deleted, `delete ${never}`)
  })

  it("all roles but the one for Secrets are bound to the one ServiceAccount", () => {
    const bound = manifests.flatMap(({ kind, roleRef }) => (kind === "ClusterRoleBinding" ? [roleRef?.name] : []))
    assert.deepStrictEqual(bound, ["kubernaut-observe", "kubernaut-act", "kubernaut-changes"])
    assert.isDefined(manifests.find(({ kind }) => kind === "ServiceAccount"))
  })

  it("a comment above each rule names what needs it, and every action is named", () => {
    const lines = roleText.split("\n")
    for (const [index, line] of lines.entries())
      if (line.startsWith("  - apiGroups:")) assert.match(lines[index - 1]!, /^ {2}# /)
    for (const { feature, needs } of acting)
      if (needs.length > 0) assert.include(roleText, feature, `no comment names ${feature}`)
  })
})

describe("the table", () => {
  it("has every action of the catalog that makes requests, and every kind that an alert can be about", () => {
    assert.deepStrictEqual(
      acting.map(({ feature }) => feature).sort(),
      catalog
        .map(({ type }) => type as string)
        .filter((type) => type !== "Notify")
        .sort() as never
    )
    assert.deepStrictEqual(
      [...alertKinds].sort() as Array<string>,
      meanings.filter((kind) => kind !== "Namespace" && kind !== "ignore").sort()
    )
  })

  it("an action's access is granted by its role, on every kind that it applies to", () => {
    const rules = [...rulesOf("kubernaut-observe"), ...rulesOf("kubernaut-act")]
    const granted = (kind: string) => !/Role/.test(kind)
    for (const { type } of catalog)
      for (const kind of (kindsOf[type] ?? ["Deployment"]).filter(granted)) {
        const target = { namespace: kind === "Node" ? "" : "shop", kind, name: "x" }
        const accesses = (["modified", "deleted", "created"] as const).flatMap((operation) => {
          const { act, verify } = accessOf({ type, target } as Action, { ...target, kind: "Deployment" }, operation)
          return [...act, ...verify]
        })
        for (const access of accesses) assert.isTrue(covers(rules, access), `${type}: ${accessText(access)}`)
      }
  })

  it("an action on a kind that Kubernaut cannot reach needs no access", () => {
    const target = { namespace: "shop", kind: "Secret", name: "x" }
    assert.deepStrictEqual(accessOf({ type: "RestartWorkload", target }, { ...target, kind: "Alert" }), {
      act: [],
      verify: []
    })
  })

  it("a drain needs its pods in all namespaces, and an eviction only in the pod's own", () => {
    const node = { namespace: "", kind: "Node", name: "n" }
    const pod = { namespace: "shop", kind: "Pod", name: "p" }
    assert.include(
      accessOf({ type: "DrainNode", target: node }, node).act.map(accessText),
      "create pods/eviction in all namespaces"
    )
    assert.include(
      accessOf({ type: "EvictPod", target: pod }, pod).act.map(accessText),
      "create pods/eviction in namespace shop"
    )
  })
})

describe("covers decides as the RBAC authorizer", () => {
  const permission = { verb: "create", kind: "Pod", subresource: "eviction" } as const
  it.each([
    ["the exact rule", { verbs: ["create"], apiGroups: [""], resources: ["pods/eviction"] }, true],
    ["cluster-admin", { verbs: ["*"], apiGroups: ["*"], resources: ["*"] }, true],
    ["every subresource of that name", { verbs: ["create"], apiGroups: [""], resources: ["*/eviction"] }, true],
    ["the resource without its subresource", { verbs: ["create"], apiGroups: [""], resources: ["pods"] }, false],
    [
      "the group of the eviction, not of the pod",
      { verbs: ["create"], apiGroups: ["policy"], resources: ["pods/eviction"] },
      false
    ],
    ["another verb", { verbs: ["get"], apiGroups: [""], resources: ["pods/eviction"] }, false],
    [
      "named objects only",
      { verbs: ["create"], apiGroups: [""], resources: ["pods/eviction"], resourceNames: ["p"] },
      false
    ],
    ["URLs only", { verbs: ["create"], nonResourceURLs: ["*"] }, false]
  ])("%s", (_, rule, granted) => {
    assert.strictEqual(covers([rule], permission), granted)
  })

  it("the table has no permission twice", () => {
    assert.strictEqual(new Set(texts(allPermissions)).size, allPermissions.length)
  })
})
