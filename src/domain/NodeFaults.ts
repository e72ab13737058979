/** What the conditions of a Node report. */

/** The conditions that report a problem while they are `True`: the kubelet's, and those of node-problem-detector. */
export const nodeFaults: ReadonlySet<string> = new Set([
  "DiskPressure",
  "MemoryPressure",
  "PIDPressure",
  "NetworkUnavailable",
  "KernelDeadlock",
  "ReadonlyFilesystem",
  "CorruptDockerOverlay2",
  "FrequentKubeletRestart",
  "FrequentDockerRestart",
  "FrequentContainerdRestart",
  "FrequentUnregisterNetDevice",
  "KubeletUnhealthy",
  "ContainerRuntimeUnhealthy"
])
