from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from apps.audit.models import AuditEntry
from apps.core.errors import Blocked, Conflict, InvalidInput
from apps.core.models import Event
from apps.manifests import canonical, sealing, selectors, services
from apps.manifests.models import DeployYmlRevision, FingerprintKey, ManifestSet, SecretValue
from tests.manifests.world import BASE, IMAGE, World, build_world

SECRET = "a-planted-secret-value"


def save(world: World, base: dict[str, Any] | None = None, **more: Any) -> DeployYmlRevision:
    newest = selectors.find_latest_revision(world.application)
    values = {"overrides": {}, "note": "", "expected_number": newest.number if newest else None} | more
    return services.save_revision(
        application=world.application, base=BASE if base is None else base, actor=world.actor(), **values
    )


def set_secret(world: World, value: str = SECRET, **scope: Any) -> SecretValue:
    return services.set_secret(
        application=world.application, key="DB_PASSWORD", value=value, actor=world.actor(), **scope
    )


def render(world: World, revision: DeployYmlRevision, target: Any = None, image: str = IMAGE) -> ManifestSet:
    return services.render_for_target(
        application=world.application, target=target or world.north, revision=revision, image=image
    )


def test_revisions_are_numbered_and_audited(world: World) -> None:
    first, second = save(world), save(world, {**BASE, "replicas": 5}, note="more pods")
    assert [first.number, second.number] == [1, 2]
    entry = AuditEntry.objects.get(action="deployyml.save", object_id=second.pk)
    assert (entry.actor_name, entry.object_name, entry.details) == ("developer", "storefront r2", {"note": "more pods"})
    assert Event.objects.filter(name="deployyml.saved").count() == 2


def test_saving_over_somebody_elses_revision_is_refused(world: World) -> None:
    save(world)
    save(world, note="meanwhile")
    with pytest.raises(Conflict) as caught:
        save(world, expected_number=1)
    assert caught.value.params == {"number": 2, "name": "developer"}
    assert DeployYmlRevision.objects.count() == 2


def test_a_first_revision_can_be_saved_only_once(world: World) -> None:
    save(world)
    with pytest.raises(Conflict):
        save(world, expected_number=None)


@pytest.mark.parametrize(
    ("base", "overrides", "path", "code"),
    [
        ({"replicas": -1}, {}, "base.replicas", "out_of_range"),
        ({"ports": [{"name": "http"}]}, {}, "base.ports[0].port", "required"),
        (BASE, {"environments": {"production": {"replicas": "x"}}}, "environments.production.replicas", "wrong_type"),
        (BASE, {"environments": {"nowhere": {}}}, "environments.nowhere", "no_such_environment"),
        (BASE, {"targets": {"production/west": {}}}, 'targets["production/west"]', "no_such_target"),
        (BASE, {"targets": {"production/north": 5}}, 'targets["production/north"]', "wrong_type"),
        (BASE, {"stages": {}}, "stages", "unknown_field"),
        (
            BASE,
            {"targets": {"production/north": {"env": [{"name": "1", "value": ""}]}}},
            'targets["production/north"].env[0].name',
            "not_an_env_name",
        ),
        ({"service": {"enabled": True}}, {}, "base.service.enabled", "service_needs_ports"),
    ],
)
def test_errors_stand_where_they_were_written(
    world: World, base: dict[str, Any], overrides: dict[str, Any], path: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        save(world, base, overrides=overrides)
    assert [problem["code"] for problem in caught.value.fields[path]] == [code]
    assert DeployYmlRevision.objects.count() == 0


def test_a_mistake_in_the_base_is_reported_once(world: World) -> None:
    with pytest.raises(InvalidInput) as caught:
        save(world, {**BASE, "replicas": -1})
    assert list(caught.value.fields) == ["base.replicas"]
    assert len(caught.value.fields["base.replicas"]) == 1


def test_restoring_saves_the_old_form_data_again(world: World) -> None:
    save(world)
    save(world, {**BASE, "replicas": 9})
    third = services.restore_revision(application=world.application, number=1, actor=world.actor(), expected_number=2)
    assert (third.number, third.base) == (3, BASE)


def test_overrides_reach_their_targets_only(world: World) -> None:
    set_secret(world)
    revision = save(
        world,
        overrides={
            "environments": {"production": {"replicas": 4}},
            "targets": {"production/south": {"replicas": 6}},
        },
    )
    replicas = {
        str(target): selectors.stored_objects(render(world, revision, target))[0]["spec"]["replicas"]
        for target in (world.test, world.north, world.south)
    }
    assert replicas == {"test/north": 2, "production/north": 4, "production/south": 6}


def test_each_target_is_rendered_for_its_cluster(world: World) -> None:
    set_secret(world)
    revision = save(world)

    def pre_stop(target: Any) -> dict[str, Any]:
        pod = selectors.stored_objects(render(world, revision, target))[0]["spec"]["template"]["spec"]
        action: dict[str, Any] = pod["containers"][0]["lifecycle"]["preStop"]
        return action

    assert pre_stop(world.north) == {"sleep": {"seconds": 10}}
    assert pre_stop(world.south) == {"exec": {"command": ["sleep", "10"]}}


def test_the_nearest_value_of_a_secret_wins(world: World) -> None:
    set_secret(world, "everywhere")
    set_secret(world, "production", environment=world.north.environment)
    set_secret(world, "south", target=world.south)
    revision = save(world)

    def value(target: Any) -> str:
        bound = selectors.bound_objects(render(world, revision, target)).objects
        secret = next(one for one in bound if one["kind"] == "Secret")
        return base64.b64decode(secret["data"]["DB_PASSWORD"]).decode()

    assert [value(one) for one in (world.test, world.north, world.south)] == ["everywhere", "production", "south"]
    services.withdraw_secret(application=world.application, key="DB_PASSWORD", target=world.south, actor=world.actor())
    assert value(world.south) == "production"


def test_a_replaced_value_is_another_set_and_the_old_set_keeps_its_value(world: World) -> None:
    set_secret(world, "first")
    revision = save(world)
    before = render(world, revision)
    set_secret(world, "second")
    after = render(world, revision)
    assert before.plan_hash != after.plan_hash
    secrets = [
        next(one for one in selectors.bound_objects(made).objects if one["kind"] == "Secret")
        for made in (before, after)
    ]
    assert secrets[0]["metadata"]["name"] != secrets[1]["metadata"]["name"]
    assert [base64.b64decode(one["data"]["DB_PASSWORD"]) for one in secrets] == [b"first", b"second"]


def test_rendering_the_same_again_gives_the_same_row(world: World) -> None:
    set_secret(world)
    revision = save(world)
    first = render(world, revision)
    assert render(world, revision).pk == first.pk
    assert canonical.sha256(bytes(first.content)) == first.sha256
    assert first.plan_hash == sealing.plan_hash(bytes(first.content), first.secret_fingerprint)
    assert first.image_digest == IMAGE.rpartition("@")[2]


def test_the_fingerprint_key_is_made_once(world: World) -> None:
    set_secret(world)
    key = FingerprintKey.objects.get().key
    set_secret(world, "other")
    assert FingerprintKey.objects.get().key == key


def test_a_missing_secret_value_blocks_rendering_and_is_named(world: World) -> None:
    revision = save(world)
    with pytest.raises(InvalidInput) as caught:
        render(world, revision)
    assert [problem["code"] for problem in caught.value.fields["secrets[0].name"]] == ["secret_without_value"]


def test_a_tag_instead_of_a_digest_is_blocked(world: World) -> None:
    set_secret(world)
    with pytest.raises(Blocked) as caught:
        render(world, save(world), image="harbor.example/demo/storefront:v1")
    assert [code for code, _ in caught.value.blockers] == ["deployyml.image_digest_required"]


def test_a_target_without_a_domain_needs_a_host(world: World) -> None:
    set_secret(world)
    world.north.cluster.ingress_domain = ""
    with pytest.raises(InvalidInput) as caught:
        render(world, save(world))
    assert list(caught.value.fields) == ["ingress.host"]


def test_a_secret_value_is_encrypted_and_in_no_other_row(world: World) -> None:
    set_secret(world)
    render(world, save(world))
    spellings = [SECRET, SECRET.encode().hex(), base64.b64encode(SECRET.encode()).decode()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            for spelling in spellings:
                cursor.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s', [f"%{spelling}%"])
                assert cursor.fetchone() == (0,), table


def test_what_a_cluster_answers_is_redacted(world: World) -> None:
    set_secret(world)
    bound = selectors.bound_objects(render(world, save(world)))
    assert SECRET not in bound.redactor(f"admission webhook says {SECRET} is bad")
    assert SECRET not in repr(bound)


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [("a b", "x", "key"), ("K", "", "value"), ("K", "x" * 70_000, "value"), ("K", "a\0b", "value")],
)
def test_bad_secrets_are_refused_at_their_field(world: World, key: str, value: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.set_secret(application=world.application, key=key, value=value, actor=world.actor())
    assert list(caught.value.fields) == [field]
    assert "x" * 100 not in str(caught.value.fields)


def test_withdrawing_what_is_not_set_is_refused(world: World) -> None:
    with pytest.raises(Conflict):
        services.withdraw_secret(application=world.application, key="NONE", actor=world.actor())


def test_missing_and_declared_secrets_are_listed(world: World) -> None:
    save(world)
    set_secret(world, environment=world.north.environment)
    targets = [world.test, world.north, world.south]
    assert selectors.list_missing_secrets(world.application, targets) == [("DB_PASSWORD", [world.test])]
    assert selectors.list_declared_secrets(world.application) == ["DB_PASSWORD"]


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all on threads of their own, let go at the same moment; return results and exceptions."""
    barrier = threading.Barrier(len(works))
    outcomes: list[Any] = []

    def run(work: Callable[[], Any]) -> None:
        barrier.wait(timeout=10)
        try:
            outcomes.append(work())
        except Conflict as refused:
            outcomes.append(refused)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_two_people_saving_at_once_give_one_revision() -> None:
    world = build_world()
    outcomes = at_once(*[lambda: save(world, expected_number=None)] * 2)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "DeployYmlRevision"]
    assert [row.number for row in DeployYmlRevision.objects.all()] == [1]


@pytest.mark.django_db(transaction=True)
def test_two_people_setting_a_secret_at_once_give_two_versions() -> None:
    world = build_world()
    at_once(lambda: set_secret(world, "one"), lambda: set_secret(world, "two"))
    assert sorted(SecretValue.objects.values_list("version", flat=True)) == [1, 2]
    assert FingerprintKey.objects.count() == 1
