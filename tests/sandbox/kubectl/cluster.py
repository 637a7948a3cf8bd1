"""The cluster itself: what it serves, who may do what, its nodes."""

from __future__ import annotations

from .case import Case, document, has, like, table, words

ACCESS = [
    Case("create serviceaccount bot", "serviceaccount/bot created"),
    Case("create role reader --verb=get,list --resource=pods,pods/log", "role.rbac.authorization.k8s.io/reader created"),
    Case("create rolebinding bot --role=reader --serviceaccount=$ns:bot", "rolebinding.rbac.authorization.k8s.io/bot created"),
    Case("auth can-i delete pods", "yes"),
    Case("auth can-i list pods --as=system:serviceaccount:$ns:bot", "yes"),
    Case("auth can-i get pods --subresource=log --as=system:serviceaccount:$ns:bot", "yes"),
    Case("auth can-i delete pods --as=system:serviceaccount:$ns:bot", "no", code=1),
    Case("auth can-i list pods -A --as=system:serviceaccount:$ns:bot", "no", code=1),
    Case("auth can-i get /readyz --as=system:serviceaccount:$ns:bot", "yes"),
    Case("auth can-i --list --as=system:serviceaccount:$ns:bot",
         has("Resources Non-Resource URLs Resource Names Verbs", "pods/log [] [] [get list]", "pods [] [] [get list]")),
    Case("auth whoami -o json", document(kind="SelfSubjectReview", status__userInfo__username="admin")),
    Case("auth whoami --as=someone --as-group=team", has("Username someone", "Groups [team system:authenticated]")),
    Case("get secrets --as=system:serviceaccount:$ns:bot",
         'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:$ns:bot" cannot list resource '
         '"secrets" in API group "" in the namespace "$ns"', code=1),
    Case("get pods --as=system:serviceaccount:$ns:bot", "No resources found in $ns namespace."),
    Case("auth reconcile -f -", has("role.rbac.authorization.k8s.io/reader reconciled", "missing rules added"),
         "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader, namespace: $ns}\n"
         "rules: [{apiGroups: [''], resources: [services], verbs: [get]}]\n"),
]  # fmt: skip

DISCOVERY = [
    Case("version -o json", document(serverVersion__gitVersion="v1.36.0", serverVersion__major="1", serverVersion__minor="36")),
    Case("cluster-info", has("Kubernetes control plane is running at https://127.0.0.1:")),
    Case("api-versions", words("v1", "apps/v1", "batch/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1", "events.k8s.io/v1")),
    Case("api-resources -o name", words("pods", "deployments.apps", "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io")),
    Case("api-resources --api-group=apps --no-headers",
         has("deployments deploy apps/v1 true Deployment", "replicasets rs apps/v1 true ReplicaSet")),
    Case("api-resources --verbs=deletecollection --namespaced=false -o name", words("nodes")),
    Case("explain deployment.spec.replicas", has("GROUP: apps", "FIELD: replicas <integer>", "Number of desired pods")),
    Case("explain pod.spec.containers --recursive", has("FIELD: containers <[]Container>", "livenessProbe <Probe>", "httpGet <HTTPGetAction>")),
    Case("explain pod.spec.nosuch", has("field \"nosuch\" does not exist"), code=1),
    Case("explain hpa --api-version=autoscaling/v2", has("KIND: HorizontalPodAutoscaler", "VERSION: v2")),
    Case("top pods", "error: Metrics API not available", code=1),
    Case("top nodes", "error: Metrics API not available", code=1),
    Case("get --raw /nosuch", "Error from server (NotFound): the server could not find the requested resource", code=1),
]  # fmt: skip

PINNED = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, drained: $ns}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: web, image: "$image"}]}
"""
_READY = Case("rollout status deployment/web --timeout=30s", has("successfully rolled out"))

NODES = [
    Case("apply -f -", "deployment.apps/web created", PINNED),
    _READY,
    Case("create poddisruptionbudget web --selector=app=web --min-available=1", "poddisruptionbudget.policy/web created"),
    Case("wait --for=jsonpath={.status.currentHealthy}=1 pdb/web --timeout=10s", "poddisruptionbudget.policy/web condition met"),
    Case("cordon $node", "node/north-node-1 cordoned"),
    Case("cordon $node", "node/north-node-1 already cordoned"),
    Case("get node $node", table("NAME  STATUS  ROLES  AGE  VERSION", r"north-node-1  Ready,SchedulingDisabled  <none>  \w+  v1.36.0")),
    Case("wait --for=jsonpath={.spec.taints[0].key}=node.kubernetes.io/unschedulable node/$node --timeout=10s",
         "node/north-node-1 condition met"),
    Case("drain $node --pod-selector=drained=$ns --timeout=2s",
         has("Cannot evict pod as it would violate the pod's disruption budget"), code=1),
    Case("delete pdb web", 'poddisruptionbudget.policy "web" deleted from $ns namespace'),
    Case("drain $node --pod-selector=drained=$ns --timeout=30s",
         like(r"node/north-node-1 already cordoned\nevicting pod \S+\npod/web-\S+ evicted\nnode/north-node-1 drained")),
    Case("wait --for=condition=PodScheduled=False pod -l app=web --timeout=20s", has("condition met")),
    Case("describe pod -l app=web", has("Status: Pending", "FailedScheduling", "1 node(s) were unschedulable")),
    Case("uncordon $node", "node/north-node-1 uncordoned"),
    _READY,
    Case("taint node $node colour=red:PreferNoSchedule", "node/north-node-1 tainted"),
    Case("get node $node -o jsonpath={.spec.taints}", '[{"effect":"PreferNoSchedule","key":"colour","value":"red"}]'),
    Case("taint node $node colour-", "node/north-node-1 untainted"),
    Case("describe node $node", has("Taints: <none>", "NodeNotSchedulable", "NodeSchedulable")),
]  # fmt: skip
