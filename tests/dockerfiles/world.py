"""An application with approved base images; nothing outside is asked."""

from __future__ import annotations

from dataclasses import dataclass

from apps.applications.models import Application
from apps.core.actors import Actor
from apps.dockerfiles import services
from tests import factories

HOST = "harbor.test"
BASES = [
    ("clone", "base/clone:1", "", ""),
    ("compile", "base/python-compile:3.11", "python", ""),
    ("run", "base/python-run:3.11", "python", "/opt/slipway/my_init"),
    ("run", "base/node-run:20", "node", "/opt/slipway/my_init"),
]
GOOD = f"""FROM {HOST}/base/clone:1 AS clone
WORKDIR /src
COPY . /src

FROM {HOST}/base/python-compile:3.11 AS compile
WORKDIR /build
COPY --from=clone /src /build
RUN python3 -m compileall -q .

FROM {HOST}/base/python-run:3.11 AS run
WORKDIR /app
COPY --from=compile /build /app
CMD ["python3", "main.py"]
"""


@dataclass
class World:
    """An application and its people."""

    application: Application
    people: factories.Personas

    @property
    def developer(self) -> Actor:
        """Return who writes."""
        return factories.actor(self.people.developer)

    @property
    def admin(self) -> Actor:
        """Return who approves images."""
        return factories.actor(self.people.platform_admin)

    @property
    def path(self) -> str:
        """Return where the application's pages are."""
        return f"/projects/{self.application.project.slug}/apps/{self.application.slug}/"


def build_world() -> World:
    """Return a Python application whose Harbor has approved images."""
    people = factories.personas()
    harbor = factories.connection("harbor", options={"registry": HOST})
    world = World(factories.application(people.project, harbor=harbor), people)
    for stage, reference, language, init in BASES:
        services.register_base_image(
            harbor=harbor, stage=stage, reference=reference, language=language, init_path=init, actor=world.admin
        )
    return world
