/** Refusals by permission and admission, word for word as real API servers make them. */

import { forbidden, response, type Row } from "./classified.ts"

export const refusals: ReadonlyArray<Row> = [
  {
    what: "401",
    outcome: response(401, { reason: "Unauthorized", message: "Unauthorized" }),
    reason: { _tag: "Unauthorized" }
  },
  {
    what: "403 by RBAC",
    outcome: forbidden(
      `deployments.apps "checkout" is forbidden: User "system:serviceaccount:shop:agent" cannot patch resource "deployments" in API group "apps" in the namespace "shop"`
    ),
    reason: {
      _tag: "Forbidden",
      missing: {
        user: "system:serviceaccount:shop:agent",
        verb: "patch",
        resource: "deployments",
        group: "apps",
        namespace: "shop"
      }
    }
  },
  {
    what: "403 by RBAC for an eviction in the core group",
    outcome: forbidden(
      `pods "web-1" is forbidden: User "system:serviceaccount:shop:agent" cannot create resource "pods/eviction" in API group "" in the namespace "shop"`
    ),
    reason: {
      _tag: "Forbidden",
      missing: {
        user: "system:serviceaccount:shop:agent",
        verb: "create",
        resource: "pods/eviction",
        group: "",
        namespace: "shop"
      }
    }
  },
  {
    what: "403 by RBAC at the cluster scope",
    outcome: forbidden(
      `nodes "n1" is forbidden: User "system:serviceaccount:shop:agent" cannot patch resource "nodes" in API group "" at the cluster scope`
    ),
    reason: {
      _tag: "Forbidden",
      missing: { user: "system:serviceaccount:shop:agent", verb: "patch", resource: "nodes", group: "" }
    }
  },
  {
    what: "403 by an authorization webhook, which uses RBAC's text and gives a reason",
    outcome: forbidden(
      `deployments.apps "checkout" is forbidden: User "ada@example.com" cannot patch resource "deployments" in API group "apps" in the namespace "shop": no access on weekends`
    ),
    reason: {
      _tag: "Forbidden",
      missing: { user: "ada@example.com", verb: "patch", resource: "deployments", group: "apps", namespace: "shop" }
    }
  },
  {
    what: "403 by RBAC's escalation check",
    outcome: forbidden(
      `rolebindings.rbac.authorization.k8s.io "x" is forbidden: user "a" (groups=["b"]) is attempting to grant RBAC permissions not currently held`
    ),
    reason: { _tag: "Forbidden" }
  },
  { what: "403 from a proxy, without a Status", outcome: response(403), reason: { _tag: "Forbidden" } },
  {
    what: "403 by an exceeded quota",
    outcome: forbidden(
      `pods "one" is forbidden: exceeded quota: compute, requested: requests.cpu=2, used: requests.cpu=0, limited: requests.cpu=1`
    ),
    reason: {
      _tag: "QuotaExceeded",
      quota: "compute",
      shortages: [{ quota: "compute", resource: "requests.cpu", requested: "2", used: "0", hard: "1" }]
    }
  },
  {
    what: "403 by several lines of a quota",
    outcome: forbidden(
      `pods "one" is forbidden: exceeded quota: compute, requested: limits.memory=2Gi,pods=1, used: limits.memory=1536Mi,pods=10, limited: limits.memory=3Gi,pods=10`
    ),
    reason: {
      _tag: "QuotaExceeded",
      quota: "compute",
      shortages: [
        { quota: "compute", resource: "limits.memory", requested: "2Gi", used: "1536Mi", hard: "3Gi" },
        { quota: "compute", resource: "pods", requested: "1", used: "10", hard: "10" }
      ]
    }
  },
  {
    what: "403 by the ratio of a LimitRange",
    outcome: forbidden(
      `pods "one" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000`
    ),
    reason: { _tag: "QuotaExceeded" }
  },
  {
    what: "403 by the minimum of a LimitRange for claims",
    outcome: forbidden(
      `persistentvolumeclaims "data" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi`
    ),
    reason: { _tag: "QuotaExceeded" }
  },
  {
    what: "403 by a quota that requires a request",
    outcome: forbidden(`pods "one" is forbidden: failed quota: compute: must specify requests.cpu for: main`),
    reason: { _tag: "QuotaExceeded", quota: "compute" }
  },
  {
    what: "403 by a LimitRange",
    outcome: forbidden(`pods "huge" is forbidden: maximum memory usage per Container is 2Gi, but limit is 4Gi`),
    reason: { _tag: "QuotaExceeded" }
  },
  {
    what: "403 by Pod Security",
    outcome: forbidden(
      `pods "priv" is forbidden: violates PodSecurity "restricted:latest": privileged (container "p" must not set securityContext.privileged=true)`
    ),
    reason: { _tag: "PolicyDenied", policy: `PodSecurity "restricted:latest"`, by: "pod-security" }
  },
  {
    what: "403 by an unknown admission plugin",
    outcome: forbidden(
      `persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize`
    ),
    reason: { _tag: "PolicyDenied" }
  },
  {
    what: "422 by a ValidatingAdmissionPolicy",
    outcome: response(422, {
      reason: "Invalid",
      message: `deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'max-replicas' with binding 'max-replicas' denied request: replicas 50 is above 5`,
      details: { causes: [{ message: "x" }] }
    }),
    reason: { _tag: "PolicyDenied", policy: "max-replicas", by: "admission-policy", binding: "max-replicas" }
  },
  {
    what: "413 by a ValidatingAdmissionPolicy",
    outcome: response(413, {
      reason: "RequestEntityTooLarge",
      message: `ValidatingAdmissionPolicy 'size' with binding 'b' denied request: too many`
    }),
    reason: { _tag: "PolicyDenied", policy: "size", by: "admission-policy", binding: "b" }
  },
  ...([401, 403] as const).map((status): Row => ({
    what: `${status} by a ValidatingAdmissionPolicy`,
    outcome: response(status, {
      reason: status === 401 ? "Unauthorized" : "Forbidden",
      message: `deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'hours' with binding 'night' denied request: not now`
    }),
    reason: { _tag: "PolicyDenied", policy: "hours", by: "admission-policy", binding: "night" }
  })),
  {
    what: "500 chosen by an admission webhook for its denial",
    outcome: response(500, { message: `admission webhook "w.example.com" denied the request: broken` }),
    reason: { _tag: "PolicyDenied", policy: "w.example.com", by: "webhook" }
  },
  {
    what: "403 by an admission webhook",
    outcome: forbidden(
      `admission webhook "validate.kyverno.svc-fail" denied the request: resource Deployment/shop/checkout was blocked`
    ),
    reason: { _tag: "PolicyDenied", policy: "validate.kyverno.svc-fail", by: "webhook" }
  },
  {
    what: "400 by an admission webhook",
    outcome: response(400, {
      reason: "BadRequest",
      message: `admission webhook "w.example.com" denied the request: no`
    }),
    reason: { _tag: "PolicyDenied", policy: "w.example.com", by: "webhook" }
  }
]
