"""Look for a secret value in everything that is stored and everything that the API answers."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .api import Person, StoryError

Places = Iterable[tuple[str, str]]  # (where, text)
MOST_NUMBERS = 60
# These answer questions only, and the story asks none of them, or are about what the story has not: workloads to adopt.
ASKED_ONLY = ("cluster-access/", "deployyml/compare/", "adoptable/{name}/")


@dataclass
class Found:
    """How many places were looked at, and which hold the secret."""

    seen: int = 0
    places: list[str] = field(default_factory=list)


def search(secret: str, *piles: Places) -> Found:
    """Look for a secret in every place, as it is and in the encodings that messages and dumps use."""
    pattern = re.compile("|".join(map(re.escape, disguises(secret))))
    found = Found()
    for where, text in itertools.chain(*piles):
        found.seen += 1
        if pattern.search(text):
            found.places.append(where)
    return found


def disguises(secret: str) -> list[str]:
    """Return a value as text, as hex (PostgreSQL shows bytes so), and inside base64 that begins at any offset."""
    raw = secret.encode()
    shown = [secret, raw.hex()]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        # The first and the last character also hold bits of the neighbours.
        shown.append(encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6])
    return shown


def database(url: str) -> Iterator[tuple[str, str]]:
    """Yield every row of every table."""
    import psycopg2

    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select tablename from pg_tables where schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f'select row_to_json(t)::text from "{table}" t')  # noqa: S608 - names from the catalogue
                for (row,) in cursor:
                    yield f"table {table}", row
    finally:
        connection.close()


def store(url: str) -> Iterator[tuple[str, str]]:
    """Yield every key of Redis with what it holds: sessions, cache, tasks that wait and tasks at work."""
    import redis

    with redis.Redis.from_url(url) as client:
        readers = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"set": client.smembers,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"stream": client.xrange,
        }
        for key in client.scan_iter(count=500):
            kind = client.type(key)
            content = readers[kind](key) if kind in readers else client.dump(key)
            yield f"redis {key!r}", f"{key!r} {content!r}"


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every log."""
    for file in folder.glob("*"):
        if file.is_file():
            yield f"log {file.name}", file.read_text(errors="replace")


def answers(person: Person, url: str, *, complete: bool = True) -> Iterator[tuple[str, str]]:
    """Yield what the API answers at every address of its own description, for every object there is.

    Raises:
        StoryError: with `complete`, a path of which no address gave an answer, so that nothing was looked at there.
    """
    schema = person.raw(f"{url}/api/schema/?format=json").json()
    known = _known(person, url)
    for path in [path for path, methods in schema["paths"].items() if "get" in methods]:
        answered = False
        for address in _addresses(path, known):
            for number in range(1, MOST_NUMBERS) if "{number}" in address else (0,):
                answer = person.raw(url + address.replace("{number}", str(number)))
                if answer.status_code == 404 and number:
                    break
                answered |= answer.status_code == 200
                yield f"answer of {address}", answer.text
        if complete and not answered and not path.endswith(ASKED_ONLY):
            raise StoryError(f"GET {path} answered nothing, so it was not looked at")


def _addresses(path: str, known: dict[str, list[dict[str, str]]]) -> set[str]:
    """Return a path with its parameters filled in, once for each object that fits; `{number}` is left."""
    wanted = set(re.findall(r"{(\w+)}", path)) - {"number"}
    kinds = [kind for kind, found in known.items() if any(wanted <= set(one) for one in found)]
    kind = path.split("/")[3] if path.split("/")[3] in kinds else next(iter(kinds), "")
    found = [one for one in known.get(kind, []) if wanted <= set(one)] or [{}]
    filled = set()
    for one in found:
        address = path
        for name in wanted & set(one):
            address = address.replace(f"{{{name}}}", one[name])
        filled.add(address)
    return filled


def _known(person: Person, url: str) -> dict[str, list[dict[str, str]]]:
    """Return what there is to ask about, by the first word of its address."""
    found: dict[str, list[dict[str, str]]] = {
        kind: [{"slug": one["slug"]} for one in _rows(person.get(f"{kind}/"))] for kind in ("connections", "clusters")
    }
    people = person.raw(f"{url}/api/v1/users/")  # for administrators only
    if people.status_code == 200:
        found["users"] = [{"username": one["username"]} for one in _rows(people.json())]
    found["projects"] = []
    for project in (one["slug"] for one in _rows(person.get("projects/"))):
        environments = _rows(person.get(f"projects/{project}/environments/"))
        for application in (one["slug"] for one in _rows(person.get(f"projects/{project}/apps/"))):
            for environment in environments:
                for target in (one["slug"] for one in environment["targets"]):
                    place = {
                        "project": project, "application": application, "environment": environment["slug"],
                        "target": target,
                    }  # fmt: skip
                    pods = person.get(
                        f"projects/{project}/apps/{application}/targets/{environment['slug']}/{target}/pods/"
                    )["pods"]
                    found["projects"] += [place | {"pod": pod["name"]} for pod in pods] or [place]
    return found


def _rows(answer: Any) -> list[dict[str, Any]]:
    return answer["results"] if isinstance(answer, dict) else answer
