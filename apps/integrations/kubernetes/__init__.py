"""Kubernetes: one API server per cluster, spoken to in its own JSON.

| module | what |
|---|---|
| client | verbs of a cluster, synchronous: apply, get, list, delete, scale, evict, logs, access reviews |
| streams | logs followed, watches, commands in containers, asynchronous |
| kubeconfig | a pasted kubeconfig, or server, token and CA, into a `ClusterConnection` |
| kinds, order | where a kind lives on the server; in which order kinds are applied and removed (pure) |
| quantity | `500m`, `512Mi`: read, compared, written as the server writes them (pure) |
| diagnosis, rollout | why a pod is not well; how far a rollout is (pure, from the objects) |

Objects are plain dicts as the server sends them (https://kubernetes.io/docs/reference/using-api/api-concepts/):
what was approved is applied byte for byte, so no model stands in between. The official package brings the pooled
transport; its typed models are 50 times slower on a list and are never loaded into one.
"""
