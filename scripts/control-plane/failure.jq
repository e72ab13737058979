# Whether and how a pod fails: "none", "crashloop" or "oom". kwok evaluates it (gojq) for every pod. `run up` drops the
# comment lines and joins the others into one, so give a comment a line of its own and use no single quotes.
#
# 1. The annotation sim/fail says crashloop or oom: the first container fails that way.
# 2. The tag of a container image starts with bad: that container crash-loops.
# 3. The annotation sim/memory-need is above the first container's memory limit: that container is OOM-killed.
def bytes: capture("^(?<number>[0-9]+([.][0-9]+)?)(?<unit>[kMGT]|[KMGT]i)?$")
  | (.number | tonumber) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
      "Ki": 1024, "Mi": 1048576, "Gi": 1073741824, "Ti": 1099511627776}[.unit // ""];
(.metadata.annotations // {}) as $annotations
| ((.spec.containers[0].resources.limits.memory // "" | bytes) // 0) as $limit
| (($annotations["sim/memory-need"] // "" | bytes) // 0) as $need
| if $annotations["sim/fail"] == "crashloop" or $annotations["sim/fail"] == "oom" then $annotations["sim/fail"]
  elif any(.spec.containers[]; .image | test("(^|/)[^/@:]+:bad")) then "crashloop"
  elif $limit > 0 and $need > $limit then "oom"
  else "none" end
