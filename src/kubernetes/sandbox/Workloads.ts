/**
 * The workloads of a new sandbox. They reach their state by running the same controllers through the past 26 hours.
 *
 * | workload          | problem                                                                                     | remedy                 |
 * | ----------------- | ------------------------------------------------------------------------------------------- | ---------------------- |
 * | shop/checkout     | rollout of v2.4.0 crash-loops, three pods of v2.3.1 still serve, progress deadline exceeded | undo the rollout       |
 * | shop/cart         | OOM-killed since a traffic peak: needs 300 MiB, limit 256 MiB                               | raise the memory limit |
 * | shop/search       | its autoscaler requires 7 replicas, maximum 5                                               | raise maxReplicas      |
 * | shop/catalog      | none; three replicas, of which a PodDisruptionBudget keeps two                              |                        |
 * | shop/orders-db    | none; a StatefulSet of two replicas whose claims can be expanded                            |                        |
 * | shop/stock-report | none; a CronJob every 30 minutes                                                            |                        |
 */

import type { KubernetesObject } from "../KubernetesClient.ts"
import type { Cluster, ImageBehaviour } from "./Cluster.ts"
import { killContainers } from "./PodLifecycle.ts"

/** An additional Deployment, for benchmarks and tests. */
export interface DeploymentOptions {
  readonly namespace: string
  readonly name: string
  readonly behaviour: "bad-rollout" | "oom" | "healthy"
  /** Default 2. */
  readonly replicas?: number | undefined
}

const registry = "registry.shop.example"
const hourMs = 3_600_000
/** How long the seeded cluster has been up. */
export const historyMs = 26 * hourMs
/** How long the workloads of the shop have had their problems. */
const troubleMs = 4 * 60_000
/** The same for the generated Deployments; shorter, so that thousands of them cost little. */
const generatedTroubleMs = 20_000

const mebibyte = 2 ** 20

/** The images of the shop. The password and the token in the log are fictitious; they show that redaction works. */
export const images: ReadonlyMap<string, ImageBehaviour> = new Map<string, ImageBehaviour>([
  [
    `${registry}/checkout:v2.4.0`,
    {
      crash: { exitCode: 1 },
      logs: [
        `level=info msg="starting checkout" version=v2.4.0 commit=9f31c07`,
        `level=debug msg="loaded configuration" DATABASE_URL=postgres://checkout:Hn7-quiet-otter@orders-db.shop.svc:5432/orders PAYMENT_API_TOKEN=sk_live_51Mfake0checkout0token0`,
        `level=info msg="connected to orders-db" pool=10`,
        `level=info msg="running migration check" expected=42 found=41`,
        `level=error msg="column \\"coupon_code\\" of relation \\"orders\\" does not exist" query="select id, coupon_code from orders limit 1"`,
        `panic: schema version 41 is older than required version 42`,
        `goroutine 1 [running]: main.mustMigrate(0xc00011e000) /src/cmd/checkout/main.go:88`
      ]
    }
  ],
  [
    `${registry}/checkout`,
    {
      logs: [
        `level=info msg="starting checkout"`,
        `level=info msg="connected to orders-db" pool=10`,
        `level=info msg="listening" addr=:8080`
      ]
    }
  ],
  [
    `${registry}/cart`,
    {
      memoryNeed: 180 * mebibyte,
      logs: [
        `level=info msg="starting cart" version=v3.1.0`,
        `level=info msg="warming session cache"`,
        `level=warn msg="session cache is larger than expected" sessions=184320`
      ]
    }
  ],
  [
    `${registry}/search`,
    { logs: [`level=info msg="index loaded" documents=1200000`, `level=info msg="listening" addr=:8080`] }
  ]
])

const put = (
  cluster: Cluster,
  object: Omit<KubernetesObject, "metadata"> & {
    readonly metadata: Partial<KubernetesObject["metadata"]> & { readonly name: string }
  }
): KubernetesObject => {
  const { name, namespace, ...rest } = object.metadata
  const stored = cluster.store.put({
    ...object,
    metadata: cluster.newMetadata(name, namespace, {
      ...rest,
      generation: 1,
      managedFields: [{ manager: "kubectl-client-side-apply" }]
    })
  } as KubernetesObject)
  cluster.settle()
  return stored
}

const namespace = (cluster: Cluster, name: string, uid?: string): void => {
  if (cluster.store.get("Namespace", "", name) !== undefined) return
  const stored = put(cluster, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
    spec: {},
    status: { phase: "Active" }
  })
  if (uid !== undefined) cluster.store.put({ ...stored, metadata: { ...stored.metadata, uid } })
}

/** The uid of `kube-system`, which identifies a cluster: every sandbox is the same cluster, also after a restart. */
export const sandboxUid = "5a4db0c5-0000-4000-8000-000000000001"

const nodes = (cluster: Cluster, count: number): void => {
  for (let index = 1; index <= count; index++) {
    const name = `node-${index}`
    const resources = { cpu: "16", memory: "64Gi", pods: "110" }
    put(cluster, {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name,
        labels: {
          "kubernetes.io/hostname": name,
          "kubernetes.io/os": "linux",
          "topology.kubernetes.io/zone": `zone-${((index - 1) % 3) + 1}`
        }
      },
      spec: {},
      status: {
        conditions: [
          {
            type: "Ready",
            status: "True",
            reason: "KubeletReady",
            message: "kubelet is posting ready status",
            lastTransitionTime: cluster.stamp()
          }
        ],
        allocatable: resources,
        capacity: resources
      }
    })
  }
}

interface AppOptions {
  readonly replicas?: number
  readonly image: string
  readonly memory?: readonly [request: string, limit: string]
  readonly progressDeadlineSeconds?: number
}

const template = (name: string, image: string, memory: readonly [string, string] = ["64Mi", "256Mi"]) => ({
  metadata: { labels: { app: name } },
  spec: {
    containers: [
      {
        name,
        image,
        ports: [{ containerPort: 8080, protocol: "TCP" }],
        resources: { requests: { cpu: "50m", memory: memory[0] }, limits: { cpu: "500m", memory: memory[1] } }
      }
    ],
    restartPolicy: "Always"
  }
})

const service = (cluster: Cluster, namespace: string, name: string): void => {
  put(cluster, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels: { app: name } },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080, protocol: "TCP" }], type: "ClusterIP" }
  })
}

const deployment = (cluster: Cluster, namespace: string, name: string, options: AppOptions): void => {
  put(cluster, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      replicas: options.replicas ?? 2,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: options.progressDeadlineSeconds ?? 600,
      selector: { matchLabels: { app: name } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      template: template(name, options.image, options.memory)
    }
  })
  service(cluster, namespace, name)
}

/** Rolls out another image of a Deployment. */
const release = (cluster: Cluster, namespace: string, name: string, image: string): void => {
  const current = cluster.store.get("Deployment", namespace, name)!
  const [container, ...others] = current.spec.template.spec.containers
  cluster.store.put({
    ...current,
    metadata: { ...current.metadata, generation: (current.metadata.generation ?? 1) + 1 },
    spec: {
      ...current.spec,
      template: {
        ...current.spec.template,
        spec: { ...current.spec.template.spec, containers: [{ ...container!, image }, ...others] }
      }
    }
  })
  cluster.settle()
}

/** Raises the memory that an image needs, and kills its running containers that now exceed their limit. */
const needMemory = (cluster: Cluster, namespace: string, app: string, repository: string, bytes: number): void => {
  cluster.images.set(repository, { ...cluster.images.get(repository), memoryNeed: bytes })
  for (const pod of cluster.store.select("Pod", namespace, { app })) killContainers(cluster, pod)
  cluster.settle()
}

const system = (cluster: Cluster): void => {
  put(cluster, {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "standard" },
    provisioner: "csi.shop.example",
    allowVolumeExpansion: true
  })
  deployment(cluster, "kube-system", "coredns", { replicas: 2, image: "registry.k8s.io/coredns/coredns:v1.12.1" })
  put(cluster, {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "kube-proxy", namespace: "kube-system", labels: { app: "kube-proxy" } },
    spec: {
      selector: { matchLabels: { app: "kube-proxy" } },
      template: template("kube-proxy", "registry.k8s.io/kube-proxy:v1.36.3")
    }
  })
}

const database = (cluster: Cluster): void => {
  const name = "orders-db"
  for (const ordinal of [0, 1]) {
    put(cluster, {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: `data-${name}-${ordinal}`, namespace: "shop", labels: { app: name } },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: "standard",
        resources: { requests: { storage: "10Gi" } },
        volumeName: `pvc-${name}-${ordinal}`
      }
    })
  }
  put(cluster, {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace: "shop", labels: { app: name } },
    spec: {
      replicas: 2,
      serviceName: name,
      selector: { matchLabels: { app: name } },
      template: template(name, `${registry}/postgres:17.6`, ["512Mi", "1Gi"])
    }
  })
  service(cluster, "shop", name)
}

const shop = (cluster: Cluster): void => {
  deployment(cluster, "shop", "checkout", {
    replicas: 4,
    image: `${registry}/checkout:v2.2.0`,
    progressDeadlineSeconds: 60
  })
  deployment(cluster, "shop", "cart", { replicas: 2, image: `${registry}/cart:v3.1.0`, memory: ["128Mi", "256Mi"] })
  deployment(cluster, "shop", "search", { replicas: 5, image: `${registry}/search:v1.14.2` })
  deployment(cluster, "shop", "catalog", { replicas: 3, image: `${registry}/catalog:v5.0.1` })
  put(cluster, {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "catalog", namespace: "shop" },
    spec: { minAvailable: 2, selector: { matchLabels: { app: "catalog" } } }
  })
  put(cluster, {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "search", namespace: "shop" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "search" },
      minReplicas: 2,
      maxReplicas: 5,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } }
      ]
    }
  })
  put(cluster, {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "stock-report", namespace: "shop", labels: { app: "stock-report" } },
    spec: {
      schedule: "*/30 * * * *",
      suspend: false,
      concurrencyPolicy: "Forbid",
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        spec: {
          backoffLimit: 2,
          template: {
            ...template("stock-report", `${registry}/stock-report:v1.3.0`),
            spec: { ...template("stock-report", `${registry}/stock-report:v1.3.0`).spec, restartPolicy: "Never" }
          }
        }
      }
    }
  })
  database(cluster)
}

const generatedImage = (each: DeploymentOptions, tag: string) =>
  `registry.example/${each.namespace}/${each.name}:${tag}`

const openShop = (cluster: Cluster, nowMs: number): void => {
  namespace(cluster, "shop")
  cluster.demand.set("shop/search", 4)
  shop(cluster)
  cluster.advance(nowMs - 3 * hourMs)
  release(cluster, "shop", "checkout", `${registry}/checkout:v2.3.1`)
}

const troubleShop = (cluster: Cluster): void => {
  cluster.demand.set("shop/search", 7)
  cluster.enqueue("HorizontalPodAutoscaler", "shop", "search")
  release(cluster, "shop", "checkout", `${registry}/checkout:v2.4.0`)
  needMemory(cluster, "shop", "cart", `${registry}/cart`, 300 * mebibyte)
}

/** Creates the workloads and advances a new cluster from `historyMs` ago to `nowMs`. */
export const seed = (
  cluster: Cluster,
  options: {
    readonly nowMs: number
    readonly nodes: number
    readonly shop: boolean
    readonly deployments: ReadonlyArray<DeploymentOptions>
    readonly uid: string
  }
): void => {
  const { nowMs, deployments } = options
  namespace(cluster, "default")
  namespace(cluster, "kube-system", options.uid)
  nodes(cluster, options.nodes)
  system(cluster)
  if (options.shop) openShop(cluster, nowMs)
  cluster.advance(nowMs - hourMs)
  for (const each of deployments) {
    namespace(cluster, each.namespace)
    deployment(cluster, each.namespace, each.name, {
      replicas: each.replicas ?? 2,
      image: generatedImage(each, "v1.0.0"),
      progressDeadlineSeconds: 10
    })
  }
  cluster.advance(nowMs - troubleMs)
  if (options.shop) troubleShop(cluster)
  cluster.advance(nowMs - generatedTroubleMs)
  for (const each of deployments) {
    if (each.behaviour === "bad-rollout")
      release(cluster, each.namespace, each.name, generatedImage(each, "bad-v1.1.0"))
    if (each.behaviour === "oom")
      needMemory(cluster, each.namespace, each.name, generatedImage(each, "v1.0.0"), 300 * mebibyte)
  }
  cluster.advance(nowMs)
}
