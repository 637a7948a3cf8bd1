"""What would change is known before: asked from the cluster, told apart by who decides, without secrets."""

from __future__ import annotations

from typing import Any

from django.test import Client

from apps.applications.models import Application
from apps.deployments import preview
from apps.deployments.models import Status
from apps.deployments.preview import SetPreview
from apps.integrations.calls import Timeout
from apps.manifests import services as manifests
from apps.manifests.models import ManifestSet
from tests.deployments.test_refusals import claim
from tests.deployments.world import Place, finish, greeting

SECRET = "very-secret-value-23"


def look(place: Place, stored: ManifestSet) -> SetPreview:
    question = preview.question(stored, place.target)
    assert question is not None
    return preview.ask(question, Timeout(connect=2, read=10))


def outcomes(answer: SetPreview) -> dict[str, str]:
    return {item["name"].split("/")[0]: item["outcome"] for item in answer.objects}


def changes(answer: SetPreview, kind: str) -> dict[str, tuple[str, str, bool]]:
    [item] = [item for item in answer.objects if item["name"].startswith(f"{kind}/")]
    return {change["field"]: (change["old"], change["new"], change["ours"]) for change in item["changes"]}


def with_secret(place: Place, value: str, text: str, **more: Any) -> dict[str, Any]:
    manifests.set_secret(application=place.application, key="KEY", value=value, actor=place.world.actor)
    environment = [{"name": "GREETING", "value": text}, {"name": "KEY", "secret": "KEY"}]
    return greeting(text) | {"env": environment, "secrets": [{"name": "KEY"}]} | more


def test_new_objects_are_created_and_nothing_is_stored(place: Place) -> None:
    answer = look(place, place.manifest_set(with_secret(place, SECRET, "one")))
    assert outcomes(answer) == {"Secret": "create", "Service": "create", "Deployment": "create"}
    assert (answer.problem, answer.conflicts, answer.removed) == (None, [], [])
    assert place.client.find("Deployment", place.application.slug, place.target.namespace) is None


def test_what_changes_is_told_by_field_and_what_stays_is_told_too(place: Place) -> None:
    first = with_secret(place, SECRET, "one", files=[{"path": "/etc/app/a.txt", "content": "a"}])
    assert place.run(first).status == Status.SUCCEEDED
    place.client.scale("Deployment", place.application.slug, place.target.namespace, 2)

    same = look(place, place.manifest_set(first))
    assert set(outcomes(same).values()) - {"keep"} == {"change"}, "but for the number of pods set by hand"
    assert changes(same, "Deployment") == {"spec.replicas": ("2", "1", True)}
    assert same.conflicts == [], "what Slipway itself set gives way"

    second = with_secret(place, f"{SECRET}-new", "two", service={"enabled": False})
    answer = look(place, place.manifest_set(second))
    assert outcomes(answer) == {"Secret": "create", "Deployment": "change"}
    said = changes(answer, "Deployment")
    value = 'spec.template.spec.containers[name="app"].env[name="GREETING"].value'
    assert said[value] == ("one", "two", True)
    mount = 'spec.template.spec.containers[name="app"].volumeMounts'
    assert any(field.startswith(mount) and not new for field, (_, new, _) in said.items()), said
    assert answer.removed == [f"Service/{place.application.slug}"], "its configuration stays: going back needs it"
    assert SECRET not in str([same.as_dict(), answer.as_dict()])


def test_the_cluster_s_own_decisions_are_told_apart(place: Place) -> None:
    place.run(greeting("one"))
    probes = {"readiness": {"type": "tcp", "port": "http", "period": 1}, "liveness": {"type": "tcp", "port": "http"}}
    answer = look(place, place.manifest_set(greeting("one", probes=probes)))
    said = changes(answer, "Deployment")
    assert {ours for _, _, ours in said.values()} == {True}
    place.client.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": place.application.slug,
                "namespace": place.target.namespace,
                "annotations": {"example.com/team": "a"},
            },
        },
        field_manager="somebody",
    )
    [service] = [item for item in look(place, place.manifest_set(greeting("one"))).objects if "Service" in item["name"]]
    assert service["outcome"] == "keep"
    [foreign] = service["foreign"]
    assert (foreign["field"], foreign["value"]) == ("metadata.annotations.example.com/team", "a")
    assert (foreign["manager"], foreign["by_hand"]) == ("somebody", False)


def test_conflicts_are_found_and_what_taking_over_would_change(place: Place) -> None:
    place.run(greeting("one"))
    claim(place, "Deployment", {"replicas": 3})
    answer = look(place, place.manifest_set(greeting("one")))
    [conflict] = answer.conflicts
    assert (conflict["manager"], conflict["live"], conflict["ours"]) == ("somebody", "3", "1")
    assert changes(answer, "Deployment") == {"spec.replicas": ("3", "1", True)}
    assert answer.problem is None, "whether it stops is not the cluster's to say"


def test_a_namespace_that_is_not_there_is_the_answer(place: Place) -> None:
    stored = place.manifest_set(greeting("one"))
    place.target.namespace = "nobody-made-this"
    question = preview.question(stored, place.target)
    assert question is not None
    for item in question.objects:
        item["metadata"]["namespace"] = "nobody-made-this"
    answer = preview.ask(question)
    assert answer.problem is not None
    assert (answer.problem[0], answer.problem[1]["namespace"]) == ("apply.namespace_missing", "nobody-made-this")
    assert set(outcomes(answer).values()) == {"refused"}


def test_a_cluster_that_is_away_is_the_answer(place: Place) -> None:
    stored = place.manifest_set(greeting("one"))
    with place.sandbox.fault(
        kind="status", status=503, server=place.cluster, path=f"/{place.target.namespace}/", times=None
    ):
        answer = look(place, stored)
    assert answer.problem is not None
    assert answer.problem[0] == preview.UNREACHABLE


def test_an_autoscaler_s_number_of_pods_is_no_change(place: Place) -> None:
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
    place.run(greeting("one", replicas=2, resources=resources))
    scaled = greeting("one", resources=resources, autoscaling={"min": 1, "max": 5, "cpu": 60})
    answer = look(place, place.manifest_set(scaled))
    assert outcomes(answer)["Deployment"] == "keep", "the number stays when the autoscaler takes over"
    assert outcomes(answer)["HorizontalPodAutoscaler"] == "create"


def signed_in(place: Place) -> Client:
    client = Client()
    client.force_login(place.world.actor.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_way_back_is_shown_before_the_click(place: Place) -> None:
    good = place.run(with_secret(place, SECRET, "good"))
    place.run(with_secret(place, SECRET, "newer"))
    claim(place, "Deployment", {"replicas": 2})
    application: Application = place.application
    client = signed_in(place)
    root = f"{application.get_absolute_url()}deployments/{good.number}/rollback/"

    shown = client.get(f"{root}preview/").content.decode()
    assert '<del class="mono">newer</del> → <ins class="mono">good</ins>' in shown
    assert 'name="take_over_fields"' in shown
    assert SECRET not in shown
    said = client.get(f"/api/v1{root}").json()
    assert [conflict["manager"] for conflict in said["conflicts"]] == ["somebody"]

    answer = client.post(f"/api/v1{root}", {"take_over_fields": True}, content_type="application/json")
    assert answer.status_code == 201
    made = application.deployments.get(number=answer.json()["number"])
    assert made.take_over_fields is True
    assert finish(made).status == Status.SUCCEEDED
    assert place.greetings() == {"good"}
    assert place.get("Deployment")["spec"]["replicas"] == 1
