import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, template } from "./objects.ts"
import { followed, made, podOf, recorded, rulesOf } from "./restoring.ts"

const asked = ["fewer-endpoints"]
const refused = ["refused not-restorable"]
const service = (name: string) =>
  made("Service", { spec: { selector: { app: name }, ports: [{ port: 80 }] } }, { name, uid: `uid-service-${name}` })
const ready = (name: string) => podOf(`${name}-pod`, { app: name })
const backend = (name: string) => ({ service: { name, port: { number: 80 } } })

const ingress = (...names: ReadonlyArray<string>) =>
  made("Ingress", {
    spec: {
      rules: [{ host: "a", http: { paths: names.map((name) => ({ path: `/${name}`, backend: backend(name) })) } }]
    }
  })
const route = (...names: ReadonlyArray<string>) =>
  made("HTTPRoute", { spec: { rules: names.map((name) => ({ backendRefs: [{ name, port: 80 }] })) } })
const virtual = (...names: ReadonlyArray<string>): KubernetesObject => ({
  ...made("VirtualService", {
    spec: { hosts: ["elsewhere"], http: names.map((host) => ({ name: host, route: [{ destination: { host } }] })) }
  }),
  apiVersion: "networking.istio.io/v1"
})

const again = (object: KubernetesObject, related: ReadonlyArray<KubernetesObject>, more: object = {}) =>
  rulesOf(recorded(object, undefined), undefined, { related, ...more })

describe.each([
  ["an Ingress", ingress],
  ["an HTTPRoute", route],
  ["a VirtualService", virtual]
])("%s that was deleted", (_, object) => {
  it("is created again where its Services serve", () => {
    assert.deepStrictEqual(again(object("web"), [service("web"), ready("web")]), [])
  })

  it("asks where none of its Services has a ready pod", () => {
    assert.deepStrictEqual(again(object("web"), [service("web")]), asked)
    assert.deepStrictEqual(again(object("web", "canary"), [service("web"), service("canary")]), asked)
  })

  it("asks where what it led to may not be read", () => {
    assert.deepStrictEqual(again(object("web"), [], { unread: ["Service"] }), ["unread"])
    assert.deepStrictEqual(again(object("web"), [service("web")], { unread: ["Pod"] }), ["unread"])
  })
})

describe.each([
  ["an Ingress", ingress, []],
  ["an HTTPRoute", route, []],
  // Without it, its requests go to all pods of the Service.
  ["a VirtualService", virtual, asked]
])("%s that was deleted, and had several Services", (_, object, expected) => {
  it("is created again where one of them serves if its requests have no other way", () => {
    const [web, canary] = [[service("web"), ready("web")], service("canary")]
    assert.deepStrictEqual(again(object("web", "canary"), [...web, canary]), expected)
    const later = [followed(canary, undefined)]
    assert.deepStrictEqual(again(object("web", "canary"), web, { later }), expected)
  })
})

describe("a route that was deleted", () => {
  it("is not created again where none of its Services exists", () => {
    assert.deepStrictEqual(again(ingress("web"), []), refused)
    assert.deepStrictEqual(again(route("web"), []), refused)
  })

  it("is created again where its hosts are no Services", () => {
    assert.deepStrictEqual(again(virtual("api.example.com"), []), [])
  })
})

describe("what is needed for more than its hosts", () => {
  it("is created again without a question about them", () => {
    assert.deepStrictEqual(again(made("ConfigMap", { data: { host: "web" } }), [service("web")]), [])
    const calling = template("app:3", { containers: [{ name: "app", env: [{ name: "HOST", value: "web" }] }] })
    assert.deepStrictEqual(again(deployment({ template: calling }), [service("web")]), [])
  })
})
