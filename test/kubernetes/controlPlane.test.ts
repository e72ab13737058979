import { delimiter } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { kubeconfigOfWorker } from "./controlPlane.ts"

const two = ["/one/admin.kubeconfig", "/two/admin.kubeconfig"].join(delimiter)

describe("the control plane of a worker", () => {
  it("is that of its number, so that two files at the same time never share one", () => {
    const of = (worker: string) => kubeconfigOfWorker({ KUBERNAUT_TEST_KUBECONFIGS: two, VITEST_POOL_ID: worker })
    assert.deepStrictEqual(["1", "2"].map(of), ["/one/admin.kubeconfig", "/two/admin.kubeconfig"])
  })

  it("is never that of another worker: a worker without one fails", () => {
    for (const worker of ["0", "3", undefined]) {
      assert.throws(
        () => kubeconfigOfWorker({ KUBERNAUT_TEST_KUBECONFIGS: two, VITEST_POOL_ID: worker }),
        /KUBERNAUT_TEST_KUBECONFIGS has no kubeconfig for worker/
      )
    }
  })

  it("is started for the file, or named by KUBERNAUT_TEST_KUBECONFIG, in a run by hand", () => {
    assert.isUndefined(kubeconfigOfWorker({ VITEST_POOL_ID: "1" }))
    assert.isUndefined(kubeconfigOfWorker({ KUBERNAUT_TEST_KUBECONFIGS: "", VITEST_POOL_ID: "1" }))
  })
})
