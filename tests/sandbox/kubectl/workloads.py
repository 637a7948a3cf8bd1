"""Rollouts, scaling, waiting, logs and what runs."""

from __future__ import annotations

from .case import Case, document, has, like, table, words
from .objects import AGE, WEB

_READY = Case("rollout status deployment/web --timeout=40s", has("successfully rolled out"))

ROLLOUT = [
    Case("apply -f -", "deployment.apps/web created", WEB),
    _READY,
    Case("rollout history deployment/web", has("REVISION CHANGE-CAUSE", "1 <none>")),
    Case("set image deployment/web web=$image2", "deployment.apps/web image updated"),
    _READY,
    Case("annotate deployment/web kubernetes.io/change-cause='the second'", "deployment.apps/web annotated"),
    Case("rollout history deployment/web", has("1 <none>", "2 the second")),
    Case("rollout history deployment/web --revision=1", has("deployment.apps/web with revision #1", "node-test:v1")),
    Case("rollout undo deployment/web", has("was previously managed with 'kubectl apply'", "deployment.apps/web rolled back")),
    _READY,
    Case("get deployment web -o jsonpath={.spec.template.spec.containers[0].image}", "$image"),
    Case("rollout undo deployment/web --to-revision=2", has("deployment.apps/web rolled back")),
    Case("rollout undo deployment/web --to-revision=9", has("error: unable to find specified revision 9 in history"), code=1),
    _READY,
    Case("rollout pause deployment/web", "deployment.apps/web paused"),
    Case("rollout pause deployment/web", "error: deployments.apps \"web\" is already paused", code=1),
    Case("set env deployment/web A=b", "deployment.apps/web env updated"),
    Case("wait --for=condition=Progressing=Unknown deployment/web --timeout=10s", "deployment.apps/web condition met"),
    Case("rollout undo deployment/web", has("cannot rollback a paused deployment"), code=1),
    Case("rollout resume deployment/web", "deployment.apps/web resumed"),
    _READY,
    Case("rollout restart deployment/web", "deployment.apps/web restarted"),
    _READY,
    Case("get deployment web -o json", document(status__updatedReplicas=2, status__availableReplicas=2)),
    Case("set image deployment/web web=127.0.0.1:1/none:v1", "deployment.apps/web image updated"),
    Case("rollout status deployment/web --timeout=2s", has("Waiting for deployment \"web\" rollout to finish", "timed out"), code=1),
    Case("rollout status rs/nosuch", has("not found"), code=1),
]  # fmt: skip

SCALE_AND_WAIT = [
    Case("apply -f -", "deployment.apps/web created", WEB),
    Case("wait --for=condition=Available deployment/web --timeout=30s", "deployment.apps/web condition met"),
    Case("scale deployment/web --replicas=3", "deployment.apps/web scaled"),
    Case("scale deployment/web --replicas=1 --current-replicas=9", "error: Expected replicas to be 9, was 3", code=1),
    Case("wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=30s", "deployment.apps/web condition met"),
    Case("""patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":1}}'""", "scale.autoscaling/web patched"),
    Case("wait --for=jsonpath={.status.replicas}=1 deployment/web --timeout=30s", "deployment.apps/web condition met"),
    Case("wait --for=condition=Ready pod -l app=web --timeout=30s", has("condition met")),
    Case("wait --for=condition=Nosuch deployment/web --timeout=1s", has("timed out waiting for the condition"), code=1),
    Case("wait --for=create deployment/nosuch --timeout=1s", has("timed out waiting for the condition"), code=1),
    Case("wait --for=delete deployment/nosuch --timeout=1s", ""),
    Case("autoscale deployment web --min=2 --max=4 --cpu=80%", "horizontalpodautoscaler.autoscaling/web autoscaled"),
    Case("wait --for=jsonpath={.spec.replicas}=2 deployment/web --timeout=30s", "deployment.apps/web condition met"),
    Case("get hpa", table("NAME  REFERENCE  TARGETS  MINPODS  MAXPODS  REPLICAS  AGE",
                          rf"web  Deployment/web  cpu: <unknown>/80%  2  4  \d  {AGE}")),
    Case("expose deployment web --port=80 --target-port=8080 --name=front", "service/front exposed"),
    Case("expose pod nosuch --port=80", has("not found"), code=1),
    Case("get endpointslices -l kubernetes.io/service-name=front -o jsonpath={.items[0].ports[0].port}", "8080"),
    Case("run one --image=$image --restart=Never --labels=a=b -- sh -c 'exit 3'", "pod/one created"),
    Case("wait --for=jsonpath={.status.phase}=Failed pod/one --timeout=20s", "pod/one condition met"),
    Case("get pod one", table("NAME  READY  STATUS  RESTARTS  AGE", f"one  0/1  Error  0  {AGE}")),
]  # fmt: skip

CRASHING = """
apiVersion: v1
kind: Pod
metadata: {name: crash, labels: {app: talk}}
spec: {containers: [{name: a, image: "$image", command: [sh, -c, "echo before; exit 3"]}]}
"""
TALKING = """
apiVersion: v1
kind: Pod
metadata: {name: talk, labels: {app: talk}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: a, image: "$image", command: [sh, -c, "echo one; echo two; echo three; sleep 600"]}
  - {name: b, image: "$image", command: [sh, -c, "echo bee >&2; sleep 600"]}
"""
NO_PREVIOUS = 'Error from server (BadRequest): previous terminated container "a" in pod "talk" not found'

LOGS_AND_EXEC = [
    Case("apply -f -", "pod/talk created", TALKING),
    Case("apply -f -", "pod/crash created", CRASHING),
    Case("wait --for=condition=Ready pod/talk --timeout=30s", "pod/talk condition met"),
    Case("logs talk -c a", "one\ntwo\nthree"),
    Case("logs talk", "Defaulted container \"a\" out of: a, b\none\ntwo\nthree"),
    Case("logs talk -c a --tail=1", "three"),
    Case("logs talk -c a --tail=1 --timestamps", like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z three")),
    Case("logs talk -c a --since=1h --limit-bytes=5", "one\nt"),
    Case("logs talk -c a --since-time=2099-01-01T00:00:00Z", ""),
    Case("logs talk --all-containers", words("one", "two", "three", "bee")),
    Case("logs talk --all-containers --prefix", words("[pod/talk/a]", "one", "[pod/talk/b]", "bee")),
    Case("logs -l app=talk --all-containers --tail=1 --prefix", has("[pod/talk/a] three")),
    Case("logs talk -c a --previous", NO_PREVIOUS, code=1),
    Case("wait --for=jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=3 pod/crash --timeout=20s", "pod/crash condition met"),
    Case("logs crash --previous", "before"),
    Case("logs talk -c nosuch", "error: container nosuch is not valid for pod talk out of: a, b", code=1),
    Case("logs nosuch", has("pods \"nosuch\" not found"), code=1),
    Case("exec talk -c a -- sh -c 'echo out; echo err >&2; exit 7'", has("err", "command terminated with exit code 7"), code=7),
    Case("exec -i talk -c a -- cat", "from here", "from here\n"),
    Case("exec -i talk -c a -- sh -c 'wc -c; exit 2'", has("200000", "exit code 2"), "x" * 199_999 + "\n", 2),
    Case("exec talk -c a -- /nosuch", has("no such file or directory"), code=1),
    Case("exec talk -c nosuch -- true", "error: container nosuch is not valid for pod talk out of: a, b", code=1),
    Case("exec nosuch -- true", 'Error from server (NotFound): pods "nosuch" not found', code=1),
    Case("exec talk -c a -- sh -c 'echo $HOSTNAME'", "talk"),
    Case("events --for pod/talk", has("LAST SEEN TYPE REASON OBJECT MESSAGE", "Normal Scheduled Pod/talk")),
    Case("events --types=Warning", has("Warning BackOff Pod/crash Back-off restarting failed container a in pod crash")),
    Case("get events --field-selector=involvedObject.name=talk,reason=Scheduled -o jsonpath={.items[*].type}", "Normal"),
]  # fmt: skip

DEBUG = [
    Case("run one --image=$image --restart=Never -- sleep 600", "pod/one created"),
    Case("wait --for=condition=Ready pod/one --timeout=20s", "pod/one condition met"),
    Case("debug one --image=$image --container=look --target=one -- sh -c 'echo looked'", has("Targeting container \"one\"")),
    Case("wait --for=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0 pod/one --timeout=20s",
         "pod/one condition met"),
    Case("logs one -c look", "looked"),
    Case("debug one --copy-to=copy --image=$image --container=look --share-processes -- sleep 600", ""),
    Case("wait --for=condition=Ready pod/copy --timeout=20s", "pod/copy condition met"),
    Case("get pod copy -o json", document(spec__shareProcessNamespace=True, spec__containers__1__name="look")),
    Case("run answers -i --rm --quiet --image=$image --restart=Never -- cat", has("typed"), "typed\n"),
    Case("run fails -i --rm --quiet --image=$image --restart=Never -- sh -c 'read line; exit 3'",
         has("terminated (Error)"), "x\n", 3),
    Case("attach nosuch", has("pods \"nosuch\" not found"), code=1),
]  # fmt: skip
