"""Verbs on Dockerfiles and base images."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from apps.applications.models import Application, NumberSequence, next_number
from apps.audit import services as audit
from apps.connections.models import Connection
from apps.core.actors import Actor
from apps.core.errors import Blocked, Conflict, InvalidInput
from apps.registry import selectors as registry

from . import policy, selectors
from .models import BaseImage, DockerfileRevision
from .templates import RECIPES, Bases, for_language

LONGEST = 64 * 1024


def save_revision(
    *, application: Application, content: str, note: str = "", actor: Actor, expected_number: int | None = None
) -> DockerfileRevision:
    """Store a new revision of the Dockerfile.

    `expected_number` is the revision that was edited (0 for the first one): saving over one that somebody else saved
    meanwhile is refused. Without it nothing is compared.

    Raises:
        InvalidInput: it breaks the platform's rules; `fields["content"]` has the lines. Nothing was saved.
        Conflict: somebody saved meanwhile.
    """
    content = content.replace("\r\n", "\n").rstrip() + "\n"
    if len(content) > LONGEST:
        raise InvalidInput(fields={"content": [f"at most {LONGEST} characters"]})
    refused = [problem for problem in policy.refusals(application, content) if problem.blocking]
    if refused:
        problems = [
            {"line": problem.line, "code": problem.code, "message": problem.message, "hint": problem.hint}
            for problem in refused
        ]
        raise InvalidInput("dockerfile.refused", count=len(problems), fields={"content": problems})
    with transaction.atomic():
        NumberSequence.objects.select_for_update().get_or_create(application=application, kind="dockerfile")
        latest = selectors.find_latest_revision(application)
        if latest is not None and expected_number is not None and latest.number != expected_number:
            raise Conflict("dockerfile.changed_meanwhile", by=latest.created_by_name, number=latest.number)
        if latest is not None and latest.content == content:
            return latest
        revision = DockerfileRevision.objects.create(
            application=application,
            number=next_number(application, "dockerfile"),
            content=content,
            note=note[:300],
            created_by_id=actor.user_id,
            created_by_name=actor.name,
        )
        audit.record(
            actor=actor,
            action="dockerfile.save",
            subject=revision,
            project=application.project,
            name=f"{application.slug} Dockerfile r{revision.number}",
        )
    return revision


def register_base_image(
    *,
    harbor: Connection,
    stage: str,
    reference: str,
    language: str = "",
    description: str = "",
    init_path: str = "",
    actor: Actor,
) -> BaseImage:
    """Approve an image as base of a stage.

    Raises:
        Conflict: it is approved for that stage already.
        InvalidInput: no such stage or language.
    """
    if stage not in BaseImage.Stage.values:
        raise InvalidInput(fields={"stage": [f"one of {', '.join(BaseImage.Stage.values)}"]})
    if language and language not in Application.Language.values:
        raise InvalidInput(fields={"language": [f"one of {', '.join(Application.Language.values)}"]})
    try:
        with transaction.atomic():
            image = BaseImage.objects.create(
                harbor=harbor,
                stage=stage,
                reference=reference,
                language=language,
                description=description,
                init_path=init_path,
            )
            audit.record(actor=actor, action="base_image.approve", subject=image, stage=stage, language=language)
    except IntegrityError as exc:
        raise Conflict("base_image.exists", reference=reference) from exc
    return image


def set_base_image_enabled(*, image: BaseImage, enabled: bool, actor: Actor) -> BaseImage:
    """Withdraw an image's approval, or give it back. Dockerfiles on a withdrawn image no longer build."""
    with transaction.atomic():
        image.enabled = enabled
        image.save(update_fields=["enabled"])
        audit.record(actor=actor, action="base_image.enable" if enabled else "base_image.withdraw", subject=image)
    return image


def default_bases(application: Application) -> Bases:
    """Return the first approved base image of each stage, those for the application's language before those for all.

    Raises:
        Blocked: a stage has no approved image.
    """
    host = registry.registry_host(application.harbor)
    chosen: dict[str, BaseImage] = {}
    for stage in policy.STAGES:
        images = sorted(
            selectors.allowed_images(application, stage), key=lambda image: (image.language == "", image.pk)
        )
        if not images:
            raise Blocked("dockerfile.no_base", stage=stage, blockers=[("dockerfile.no_base", {"stage": stage})])
        chosen[stage] = images[0]
    references = {stage: f"{host}/{image.reference}" for stage, image in chosen.items()}
    return Bases(**references, init_path=chosen["run"].init_path)


def template_for(application: Application) -> str:
    """Return the Dockerfile to begin with.

    Raises:
        Blocked: a stage has no approved base image.
    """
    assert application.language in RECIPES
    return for_language(application.language, default_bases(application))
