"""Deployments: from one template to the next by scaling ReplicaSets.

Flow of `sync`: own the ReplicaSets -> paused or scaled: only spread the replicas -> else make or find the ReplicaSet of the template
-> rolling update or Recreate moves replicas over -> status and conditions -> old ReplicaSets beyond the history limit go.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from __future__ import annotations

from typing import Any

from deploy.sandbox.kubernetes import objects
from deploy.sandbox.kubernetes.store import Store

from . import rollout_status, template
from .base import Controller, claim, controller_of, is_active, is_terminating, resolve_count, write_status

Object = dict[str, Any]
SETS = "replicasets.apps"
_PREFIX = "deployment.kubernetes.io/"
REVISION, HISTORY = f"{_PREFIX}revision", f"{_PREFIX}revision-history"
DESIRED, MOST = f"{_PREFIX}desired-replicas", f"{_PREFIX}max-replicas"
_NOT_COPIED = ("kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MOST)


class Deployments(Controller):
    """The controller of Deployments."""

    resource = "deployments.apps"
    also = (SETS, "pods")
    component = "deployment-controller"

    def concerned(self, event: Any) -> Any:
        """Return the Deployment of a ReplicaSet; of a pod only when it is gone, which Recreate waits for."""
        if event.resource == SETS:
            yield from super().concerned(event)
            if event.type == "ADDED" and controller_of(event.object) is None:  # an orphan may be taken over
                namespace = event.object["metadata"]["namespace"]
                yield from ((namespace, each["metadata"]["name"]) for each in self.store.scan(self.resource, namespace))
        elif event.type == "DELETED":
            owner = controller_of(event.object)
            found = self.store.peek(SETS, event.object["metadata"]["namespace"], owner["name"]) if owner else None
            above = controller_of(found) if found is not None else None
            if above is not None:
                yield (event.object["metadata"]["namespace"], above["name"])

    def sync(self, obj: Object) -> float | None:
        """Move one Deployment on."""
        rollout = Rollout(self, obj, claim(self.store, SETS, obj))
        if "deletionTimestamp" in obj["metadata"]:
            return rollout.write_status()
        rollout.note_pause()
        if obj["spec"].get("paused") or rollout.was_scaled():
            rollout.find_new(create=False)
            rollout.spread()
            rollout.forget_old()
            return rollout.write_status()
        if (obj["spec"].get("strategy") or {}).get("type") == "Recreate":
            rollout.recreate()
        else:
            rollout.find_new(create=True)
            rollout.roll()
        rollout.forget_old()
        return rollout.write_status()


class Rollout:
    """One look at one Deployment."""

    def __init__(self, controller: Controller, deployment: Object, sets: list[Object]) -> None:
        self._store: Store = controller.store
        self._events = controller.events
        self.deployment = deployment
        self._sets = sorted(sets, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]))
        self._new: Object | None = None
        self._conditions = rollout_status.Conditions(deployment)

    # Numbers

    @property
    def _replicas(self) -> int:
        return int(self.deployment["spec"].get("replicas", 1))

    def _limits(self) -> tuple[int, int]:
        """Return (maxSurge, maxUnavailable) as numbers."""
        strategy = self.deployment["spec"].get("strategy") or {}
        if strategy.get("type") == "Recreate":
            return 0, 0
        rolling = strategy.get("rollingUpdate") or {}
        surge = resolve_count(rolling.get("maxSurge"), self._replicas, "25%", up=True)
        unavailable = resolve_count(rolling.get("maxUnavailable"), self._replicas, "25%", up=False)
        if surge == 0 and unavailable == 0:
            unavailable = 1
        return surge, min(unavailable, self._replicas)

    @property
    def _old(self) -> list[Object]:
        new = self._new["metadata"]["uid"] if self._new is not None else None
        return [each for each in self._sets if each["metadata"]["uid"] != new]

    def _all(self) -> list[Object]:
        return [*self._old, *([self._new] if self._new is not None else [])]

    # The ReplicaSet of the template

    def find_new(self, *, create: bool) -> None:
        """Find the ReplicaSet of the present template, or make it; give it the next revision."""
        wanted = template.comparable(self.deployment["spec"]["template"])
        self._new = next((each for each in self._sets if template.comparable(each["spec"]["template"]) == wanted), None)
        revision = max((_revision(each) for each in self._old), default=0) + 1
        if self._new is not None:
            if create:
                self._reuse(self._new, revision)
        elif create:
            self._create(revision)
        if create and self._new is not None:
            self._write_revision()

    def _reuse(self, found: Object, revision: int) -> None:
        annotations = dict(found["metadata"].get("annotations") or {})
        old = annotations.get(REVISION)
        if old is not None and int(old) < revision:
            history = [each for each in (annotations.get(HISTORY) or "").split(",") if each]
            annotations[HISTORY] = ",".join([*history, old])
            annotations[REVISION] = str(revision)
        annotations |= self._copied() | self._sizes()
        if annotations != found["metadata"].get("annotations"):
            found["metadata"]["annotations"] = annotations
            self._replace(self._store.update(SETS, found))
        if self._conditions.get("Progressing") is None:
            self._conditions.progressing(
                "True", "FoundNewReplicaSet", f'Found new replica set "{found["metadata"]["name"]}"'
            )

    def _create(self, revision: int) -> None:
        spec = self.deployment["spec"]
        hashed = template.pod_template_hash(spec["template"])
        labels = {**((spec["template"].get("metadata") or {}).get("labels") or {}), "pod-template-hash": hashed}
        body = {**spec["template"], "metadata": {**(spec["template"].get("metadata") or {}), "labels": labels}}
        selector = dict(spec["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), "pod-template-hash": hashed}
        metadata = self.deployment["metadata"]
        self._new = {"spec": {"replicas": 0}, "metadata": {"uid": ""}}
        count = self._new_count()
        about = {
            "name": f"{metadata['name']}-{hashed}", "namespace": metadata["namespace"], "labels": labels,
            "annotations": self._copied() | self._sizes() | {REVISION: str(revision)},
            "ownerReferences": [objects.owner_reference(self.deployment)],
        }  # fmt: skip
        new = {"replicas": count, "selector": selector, "template": body}
        if spec.get("minReadySeconds"):
            new["minReadySeconds"] = spec["minReadySeconds"]
        self._new = self._store.create(SETS, {"metadata": about, "spec": new})
        self._sets.append(self._new)
        self._conditions.progressing("True", "NewReplicaSetCreated", f'Created new replica set "{about["name"]}"')
        if count:
            self._tell_scaled(self._new, 0, count)

    def _copied(self) -> dict[str, str]:
        annotations = self.deployment["metadata"].get("annotations") or {}
        return {name: value for name, value in annotations.items() if name not in _NOT_COPIED}

    def _sizes(self) -> dict[str, str]:
        return {DESIRED: str(self._replicas), MOST: str(self._replicas + self._limits()[0])}

    def _write_revision(self) -> None:
        """Show the revision on the Deployment itself, with the conditions known so far."""
        assert self._new is not None
        annotations = self.deployment["metadata"].get("annotations") or {}
        revision = self._new["metadata"]["annotations"][REVISION]
        if annotations.get(REVISION) == revision and not self._conditions.changed:
            return
        self.deployment["metadata"]["annotations"] = {**annotations, REVISION: revision}
        status = {**(self.deployment.get("status") or {}), "conditions": self._conditions.as_list()}
        self.deployment = self._store.update("deployments.apps", {**self.deployment, "status": status}, status=True)
        self._conditions = rollout_status.Conditions(self.deployment)

    # Scaling

    def _scale(self, each: Object, count: int) -> None:
        before = each["spec"].get("replicas", 0)
        annotations = {**(each["metadata"].get("annotations") or {}), **self._sizes()}
        if before == count and annotations == each["metadata"].get("annotations"):
            return
        each["spec"]["replicas"] = count
        each["metadata"]["annotations"] = annotations
        updated = self._store.update(SETS, each)
        self._replace(updated)
        if before != count:
            self._tell_scaled(updated, before, count)

    def _tell_scaled(self, each: Object, before: int, count: int) -> None:
        direction = "up" if count > before else "down"
        message = f"Scaled {direction} replica set {each['metadata']['name']} from {before} to {count}"
        self._events.record(self.deployment, "Normal", "ScalingReplicaSet", message)

    def _replace(self, updated: Object) -> None:
        uid = updated["metadata"]["uid"]
        self._sets = [updated if each["metadata"]["uid"] == uid else each for each in self._sets]
        if self._new is not None and self._new["metadata"]["uid"] == uid:
            self._new = updated

    def _new_count(self) -> int:
        """Return how many replicas the new ReplicaSet may have now."""
        assert self._new is not None
        now = self._new["spec"].get("replicas", 0)
        if (self.deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            return self._replicas
        if now >= self._replicas:
            return self._replicas
        room = self._replicas + self._limits()[0] - sum(each["spec"].get("replicas", 0) for each in self._all())
        return int(now + max(0, min(room, self._replicas - now)))

    def roll(self) -> None:
        """Move replicas from the old ReplicaSets to the new one, within maxSurge and maxUnavailable."""
        assert self._new is not None
        count = self._new_count()
        if count != self._new["spec"].get("replicas", 0):
            self._scale(self._new, count)
            return
        self._shrink_old()

    def _shrink_old(self) -> None:
        assert self._new is not None
        olds = [each for each in self._old if each["spec"].get("replicas", 0) > 0]
        if not olds:
            return
        least = self._replicas - self._limits()[1]
        unavailable = self._new["spec"].get("replicas", 0) - _available(self._new)
        room = sum(each["spec"].get("replicas", 0) for each in self._all()) - least - unavailable
        for each in olds:  # what does not work goes first
            sick = each["spec"]["replicas"] - _available(each)
            if room > 0 and sick > 0:
                take = min(room, sick)
                self._scale(each, each["spec"]["replicas"] - take)
                room -= take
        spare = min(sum(_available(each) for each in self._all()) - least, room)
        for each in [each for each in self._old if each["spec"].get("replicas", 0) > 0]:
            take = min(spare, each["spec"]["replicas"])
            if take > 0:
                self._scale(each, each["spec"]["replicas"] - take)
                spare -= take

    def recreate(self) -> None:
        """Take all old pods away, wait until they are gone, then bring up the new ones."""
        self.find_new(create=False)
        for each in self._old:
            if each["spec"].get("replicas", 0) > 0:
                self._scale(each, 0)
        uids = {each["metadata"]["uid"] for each in self._old}
        for pod in self._store.scan("pods", self.deployment["metadata"]["namespace"]):
            owner = controller_of(pod)
            if owner is not None and owner["uid"] in uids and (is_active(pod) or is_terminating(pod)):
                return
        self.find_new(create=True)
        assert self._new is not None
        self._scale(self._new, self._replicas)

    def was_scaled(self) -> bool:
        """Return whether somebody changed spec.replicas since the ReplicaSets were last scaled."""
        active = [each for each in self._sets if each["spec"].get("replicas", 0) > 0]
        annotations = [(each["metadata"].get("annotations") or {}).get(DESIRED) for each in active]
        return any(value is not None and int(value) != self._replicas for value in annotations)

    def spread(self) -> None:
        """Bring the sum of replicas to what is asked for: in proportion where several ReplicaSets have some."""
        active = [each for each in self._all() if each["spec"].get("replicas", 0) > 0]
        if len(active) <= 1:
            target = active[0] if active else self._new or (self._sets[-1] if self._sets else None)
            if target is not None:
                self._scale(target, self._replicas)
            return
        allowed = self._replicas + self._limits()[0] if self._replicas else 0
        total = sum(each["spec"]["replicas"] for each in active)
        missing = allowed - total
        largest_first = sorted(
            active, key=lambda each: (-each["spec"]["replicas"], each["metadata"]["creationTimestamp"])
        )
        left = missing
        counts = {}
        for each in largest_first:
            share = round(each["spec"]["replicas"] * allowed / total) - each["spec"]["replicas"] if total else 0
            share = min(max(share, 0), left) if missing > 0 else max(min(share, 0), left)
            counts[each["metadata"]["uid"]] = each["spec"]["replicas"] + share
            left -= share
        counts[largest_first[0]["metadata"]["uid"]] += left
        for each in largest_first:
            self._scale(each, max(0, counts[each["metadata"]["uid"]]))

    # Afterwards

    def forget_old(self) -> None:
        """Delete old, empty ReplicaSets beyond spec.revisionHistoryLimit, the lowest revision first."""
        limit = self.deployment["spec"].get("revisionHistoryLimit", 10)
        empty = [
            each for each in self._old
            if each["spec"].get("replicas", 0) == 0 and (each.get("status") or {}).get("replicas", 0) == 0
            and (each.get("status") or {}).get("observedGeneration") == each["metadata"]["generation"]
            and "deletionTimestamp" not in each["metadata"]
        ]  # fmt: skip
        excess = len(self._old) - limit
        for each in sorted(empty, key=_revision)[: max(0, excess)]:
            self._store.delete(SETS, each["metadata"]["namespace"], each["metadata"]["name"])

    def note_pause(self) -> None:
        """Let the Progressing condition say that the Deployment is paused, or that it goes on."""
        paused = bool(self.deployment["spec"].get("paused"))
        now = (self._conditions.get("Progressing") or {}).get("reason")
        if paused and now not in ("DeploymentPaused", "ProgressDeadlineExceeded"):
            self._conditions.progressing("Unknown", "DeploymentPaused", "Deployment is paused")
        elif not paused and now == "DeploymentPaused":
            self._conditions.progressing("Unknown", "DeploymentResumed", "Deployment is resumed")

    def write_status(self) -> float | None:
        """Write status and conditions; return when the progress deadline has to be looked at."""
        status, again = rollout_status.build(
            self.deployment, self._all(), self._new, self._conditions, least=self._replicas - self._limits()[1]
        )
        write_status(self._store, "deployments.apps", self.deployment, status)
        return again


def _revision(each: Object) -> int:
    return int((each["metadata"].get("annotations") or {}).get(REVISION, 0))


def _available(each: Object) -> int:
    return int((each.get("status") or {}).get("availableReplicas", 0))
