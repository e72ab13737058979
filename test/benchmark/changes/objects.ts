/** The objects of a large cluster, as its API server reports them: with managed fields, labels and a status. */

/** How many objects of each kind there are: 10,000 in all. */
export const counts: Readonly<Record<string, number>> = {
  ConfigMap: 2500,
  Deployment: 1500,
  ReplicaSet: 2000,
  Service: 1500,
  Secret: 1000,
  ServiceAccount: 700,
  RoleBinding: 400,
  Role: 300,
  Node: 100
}

const managed = (fields: object, subresource?: string) => ({
  manager: subresource === undefined ? "kubectl-client-side-apply" : "kube-controller-manager",
  operation: "Update",
  apiVersion: "v1",
  time: "2026-11-24T03:00:00Z",
  fieldsType: "FieldsV1",
  fieldsV1: fields,
  ...(subresource === undefined ? {} : { subresource })
})

const setOf = (value: unknown): object =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([name, each]) => [`f:${name}`, setOf(each)]))
    : {}

const container = (index: number, name: string) => ({
  name,
  image: `registry.example/team-${index % 40}/${name}:v${index % 90}`,
  args: ["--listen=:8080", `--shard=${index % 16}`, "--log-format=json"],
  env: Array.from({ length: 12 }, (_, variable) => ({ name: `VARIABLE_${variable}`, value: `value-${variable}` })),
  resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
  readinessProbe: { httpGet: { path: "/readyz", port: 8080 }, periodSeconds: 10, timeoutSeconds: 1 },
  terminationMessagePath: "/dev/termination-log",
  imagePullPolicy: "IfNotPresent"
})

const workload = (index: number, version: number) => ({
  spec: {
    replicas: 2 + (version % 5),
    selector: { matchLabels: { app: `app-${index}` } },
    template: {
      metadata: { labels: { app: `app-${index}`, team: `team-${index % 40}` } },
      spec: {
        containers: [container(index, "app"), container(index, "proxy")],
        restartPolicy: "Always",
        serviceAccountName: `app-${index}`,
        volumes: [{ name: "config", configMap: { name: `configmap-${index}`, defaultMode: 420 } }]
      }
    }
  },
  status: {
    observedGeneration: version,
    replicas: 2,
    readyReplicas: 2,
    conditions: ["Available", "Progressing"].map((type) => ({
      type,
      status: "True",
      reason: "MinimumReplicasAvailable",
      message: "Deployment has minimum availability.",
      lastTransitionTime: "2026-11-24T03:00:00Z"
    }))
  }
})

const data = (index: number, version: number, bytes: number) => ({
  "settings.yaml": `revision: ${version}\n`.padEnd(bytes, `# configuration of app ${index}\n`),
  mode: "production"
})

const fieldsOf = (kind: string, index: number, version: number): object => {
  switch (kind) {
    case "Deployment":
    case "ReplicaSet":
      return workload(index, version)
    case "ConfigMap":
      return { data: data(index, version, 1500) }
    case "Secret":
      return { type: "Opaque", data: { password: Buffer.from(`${version}`.padEnd(32, "x")).toString("base64") } }
    case "Service":
      return { spec: { selector: { app: `app-${index}` }, ports: [{ port: 80, targetPort: 8000 + (version % 5) }] } }
    case "Role":
      return { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", version % 2 === 0 ? "list" : "watch"] }] }
    default:
      return { spec: { note: `${version}` } }
  }
}

/** One object. Each version differs from the one before in what somebody means by it. */
export const objectOf = (kind: string, index: number, resourceVersion: number, version: number) => {
  const fields = fieldsOf(kind, index, version)
  const name = `${kind.toLowerCase()}-${index}`
  return {
    metadata: {
      name,
      ...(kind === "Node" ? {} : { namespace: `team-${index % 40}` }),
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
      resourceVersion: String(resourceVersion),
      creationTimestamp: "2026-11-24T03:00:00Z",
      labels: { app: `app-${index}`, "app.kubernetes.io/part-of": `system-${index % 12}`, tier: "backend" },
      annotations: { "deployment.kubernetes.io/revision": "4", "team.example/owner": `team-${index % 40}` },
      ...(kind === "ReplicaSet"
        ? {
            ownerReferences: [
              { apiVersion: "apps/v1", kind: "Deployment", name: `deployment-${index}`, uid: "u", controller: true }
            ]
          }
        : {}),
      managedFields: [managed(setOf(fields)), managed({ "f:status": { "f:replicas": {} } }, "status")]
    },
    ...fields
  }
}
