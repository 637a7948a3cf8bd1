"""Reads of release orders and test orders."""

from __future__ import annotations

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.accounts.roles import ALLOWED, Action, Role
from apps.applications.access import visible_projects
from apps.applications.models import Application, Membership
from apps.core.actors import Actor
from apps.core.errors import NotFound

from .models import Approval, PlannedTarget, ReleaseEntry, ReleaseItem, ReleaseOrder, Status, TestOrder

RELATED = ("application__project", "environment", "created_by", "submitted_by", "rolls_back__application__project")


def _roles_that(action: Action) -> list[str]:
    return [role.value for role in Role if action in ALLOWED[role]]


def _counting() -> QuerySet[Approval]:
    """Return the approvals that count: of the present plan, not voided, by people who still may approve there."""
    may = Membership.objects.filter(
        project=OuterRef("order__application__project"),
        user=OuterRef("user"),
        role__in=_roles_that(Action.APPROVE_RELEASE),
    )
    return Approval.objects.filter(
        Exists(may) | Q(user__is_superuser=True),
        user__is_active=True,
        plan_hash=F("order__plan_hash"),
        voided_at=None,
        verdict=Approval.Verdict.APPROVED,
    )


def _agreed() -> Coalesce:
    counted = _counting().filter(order=OuterRef("pk")).order_by().values("order").annotate(count=Count("pk"))
    return Coalesce(Subquery(counted.values("count")), 0)


def list_orders(actor: Actor) -> QuerySet[ReleaseOrder]:
    """Return the orders of every project that the actor sees, newest first, each with `agreed`."""
    return (
        ReleaseOrder.objects.filter(application__project__in=visible_projects(actor))
        .select_related(*RELATED)
        .prefetch_related(_items())
        .annotate(agreed=_agreed())
        .order_by("-id")
    )


def list_orders_of(application: Application) -> QuerySet[ReleaseOrder]:
    """Return the orders that an application is part of, newest first, each with `agreed`."""
    return (
        ReleaseOrder.objects.filter(pk__in=ReleaseItem.objects.filter(application=application).values("order"))
        .select_related(*RELATED)
        .prefetch_related(_items())
        .annotate(agreed=_agreed())
        .order_by("-id")
    )


def _items() -> Prefetch[str]:
    return Prefetch(
        "items",
        ReleaseItem.objects.select_related(
            "application__project", "build__application__project", "revision__application__project"
        ),
    )


def items_of(order: ReleaseOrder) -> list[ReleaseItem]:
    """Return the items of an order with all that its plan and gates read."""
    related = ("application__project", "application__harbor", "build", "revision__application__project")
    return list(ReleaseItem.objects.filter(order=order).select_related(*related).order_by("wave", "id"))


def get_order(application: Application, number: int) -> ReleaseOrder:
    """Return one order with its plan, approvals and timeline.

    Raises:
        NotFound: there is none of that number.
    """
    order = (
        ReleaseOrder.objects.filter(application=application, number=number)
        .select_related(*RELATED, "application__harbor", "environment__project")
        .prefetch_related(
            _items(),
            Prefetch("approvals", Approval.objects.select_related("user").order_by("id")),
            Prefetch("entries", ReleaseEntry.objects.order_by("id")),
        )
        .first()
    )
    if order is None:
        raise NotFound("object.missing")
    return order


def get_order_of_item(application: Application, item_id: int) -> ReleaseOrder:
    """Return the order that an item of an application belongs to; it may stand with another application.

    Raises:
        NotFound: there is none.
    """
    order = ReleaseOrder.objects.filter(items=item_id, items__application=application).select_related(*RELATED).first()
    if order is None:
        raise NotFound("object.missing")
    return order


def planned_targets(order: ReleaseOrder) -> list[PlannedTarget]:
    """Return the plan of an order, in the order of waves and targets, with all that pages and gates read."""
    return list(
        PlannedTarget.objects.filter(item__order=order)
        .select_related(
            "item__application__project",
            "item__application__harbor",
            "item__build",
            "item__revision",
            "target__cluster",
            "target__environment",
            "manifest_set",
            "replaces",
            "restores__application__project",
            "restores__target__cluster",
            "restores__build",
            "deployment__application__project",
            "deployment__target__environment",
        )
        .order_by("item__wave", "item_id", "target__position", "target_id")
    )


def agreeing(order: ReleaseOrder) -> QuerySet[Approval]:
    """Return the approvals of an order that count (see `_counting`)."""
    return _counting().filter(order=order)


def latest_verdict(application: Application, commit_sha: str) -> TestOrder | None:
    """Return the last verdict on a commit, None where nobody has judged it."""
    return (
        TestOrder.objects.filter(application=application, commit_sha=commit_sha)
        .exclude(verdict=TestOrder.Verdict.WAITING)
        .order_by("-decided_at", "-id")
        .first()
    )


def list_tests(application: Application) -> QuerySet[TestOrder]:
    """Return an application's test orders, newest first."""
    return (
        TestOrder.objects.filter(application=application)
        .select_related("application__project", "build", "created_by", "decided_by")
        .order_by("-number")
    )


def get_test(application: Application, number: int) -> TestOrder:
    """Return one test order.

    Raises:
        NotFound: there is none of that number.
    """
    test = list_tests(application).filter(number=number).first()
    if test is None:
        raise NotFound("object.missing")
    return test


def _in_my_role(actor: Actor, action: Action) -> Q:
    """Return the condition that the actor's role in the application's project allows an action."""
    if actor.is_administrator:
        return Q()
    return Q(
        application__project__memberships__user_id=actor.user_id,
        application__project__memberships__role__in=_roles_that(action),
    )


def waiting_for_approval(actor: Actor) -> QuerySet[ReleaseOrder]:
    """Return the orders that the actor may agree to: not their own, and not yet judged by them."""
    said = Approval.objects.filter(order=OuterRef("pk"), user=actor.user, voided_at=None)
    return (
        list_orders(actor)
        .filter(_in_my_role(actor, Action.APPROVE_RELEASE), ~Exists(said), status=Status.SUBMITTED)
        .exclude(created_by_id=actor.user_id)
        .exclude(submitted_by_id=actor.user_id)
    )


def waiting_for_verdict(actor: Actor) -> QuerySet[TestOrder]:
    """Return the test orders that the actor may judge."""
    return (
        TestOrder.objects.filter(
            _in_my_role(actor, Action.TEST_VERDICT),
            verdict=TestOrder.Verdict.WAITING,
            application__project__in=visible_projects(actor),
        )
        .select_related("application__project", "build", "created_by")
        .order_by("-id")
    )


def decided_take_overs(order: ReleaseOrder) -> dict[tuple[int, int], bool]:
    """Return for which application and target somebody decided to take fields over from others."""
    decided = PlannedTarget.objects.filter(item__order=order, take_over_fields=True)
    return dict.fromkeys(decided.values_list("item__application_id", "target_id"), True)


def met_a_conflict(row: PlannedTarget) -> bool:
    """Return whether a target failed because others own fields of it."""
    return row.has_failed and row.deployment is not None and row.deployment.cause_code == "apply.conflict"
