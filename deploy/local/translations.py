"""Keep the catalogue of translations in step with the sources: `python -m deploy.local.translations`.

The flow: every sentence of apps/ and templates/ is extracted, `locale/*/LC_MESSAGES/django.po` takes over new ones and
drops those that are gone, `django.mo` is compiled from it, and what still waits for a translation is listed. Django's
makemessages finds the same sentences in code and templates, but needs GNU gettext, and cannot see those that are
translated through a variable: the causes of a diagnosis and the units of the form's fields.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from apps.integrations.kubernetes.diagnosis_words import FRAGMENTS, HINTS, SENTENCES

from .home import CHECKOUT

LOCALES = ("zh_Hans",)
DOMAIN = "django"
HEADER = "# Slipway's pages in another language. Refreshed by `python -m deploy.local.translations`."
# What Babel knows, and the names Django adds: a number is the place of an argument, "c" makes it the context.
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
DIAGNOSIS = "apps/integrations/kubernetes/diagnosis_words.py"
FIELDS = "apps/manifests/forms.py"

Key = tuple[str, str | None]


def po_path(locale: str) -> Path:
    """Return where the translations of a language are written."""
    return CHECKOUT / "locale" / locale / "LC_MESSAGES" / f"{DOMAIN}.po"


def key(message: Message) -> Key:
    """Return what tells messages apart: the sentence in the singular, and its context."""
    return (message.id if isinstance(message.id, str) else message.id[0], message.context)


def extract() -> Catalog:
    """Return every sentence that pages and answers may show, without translations."""
    catalogue = Catalog(charset="utf-8")
    for path in sorted((CHECKOUT / "apps").rglob("*.py")):
        _add(catalogue, path, path.read_text(encoding="utf-8"))
    for path in sorted((CHECKOUT / "templates").rglob("*.html")):
        _add(catalogue, path, from_template(path.read_text(encoding="utf-8")))
    for sentence in (*SENTENCES.values(), *HINTS.values(), *FRAGMENTS):
        catalogue.add(sentence, locations=[(DIAGNOSIS, 0)])
    for unit in units((CHECKOUT / FIELDS).read_text(encoding="utf-8")):
        catalogue.add(unit, locations=[(FIELDS, 0)])
    return catalogue


def from_template(source: str) -> str:
    """Return a template as the Python that gettext reads: everything blanked out but the calls.

    The brackets make it one expression, so that a template's indentation means nothing.
    """
    return f"(\n{templatize(source)}\n)"


def from_python(source: str) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Yield the sentences of a source with their contexts; a sentence with a plural has two forms."""
    for _line, function, arguments, _comments in extract_python(
        io.BytesIO(source.encode()), KEYWORDS.keys(), (), {"encoding": "utf-8"}
    ):
        given = arguments if isinstance(arguments, tuple) else (arguments,)
        places = KEYWORDS[function] or (1,)
        chosen = {place: given[(place[0] if isinstance(place, tuple) else place) - 1] for place in places}
        context = next((text for place, text in chosen.items() if isinstance(place, tuple)), None)
        forms = tuple(text for place, text in chosen.items() if not isinstance(place, tuple))
        if all(forms):
            yield forms, context


def units(source: str) -> Iterator[str]:
    """Yield what is given as `unit=` in a source; the form's template translates it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "unit" and isinstance(node.value, ast.Constant):
            yield node.value.value


def read(locale: str) -> Catalog:
    """Return the translations of a language, as they are in the repository."""
    with po_path(locale).open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


def refresh(locale: str) -> list[Key]:
    """Bring the catalogue of a language up to date and compile it; return what has no translation yet."""
    old = read(locale)
    new = Catalog(
        locale=locale, project="Slipway", version="1", header_comment=HEADER, charset="utf-8", fuzzy=False,
        creation_date=old.creation_date, revision_date=old.revision_date, last_translator="Slipway",
        language_team=locale, msgid_bugs_address="the issues of the project",
    )  # fmt: skip
    for message in extract():
        if message.id:
            known = old.get(message.id, message.context)
            string = known.string if known and not known.fuzzy else None
            nothing = "" if isinstance(message.id, str) else ("",) * new.num_plurals
            new.add(message.id, string or nothing, message.locations, context=message.context)
    if _contents(new) != _contents(old):
        new.revision_date = datetime.now(UTC)
    with po_path(locale).open("wb") as file:
        # Line numbers would change with every edit of a source.
        write_po(file, new, width=120, sort_by_file=True, include_lineno=False)
    with po_path(locale).with_suffix(".mo").open("wb") as file:
        write_mo(file, new)
    return [key(message) for message in new if message.id and not all(forms_of(message))]


def forms_of(message: Message) -> tuple[str, ...]:
    """Return the translation, one text per plural form of the language."""
    return (message.string or "",) if isinstance(message.id, str) else tuple(message.string)


def main() -> int:
    """Refresh every language; return 1 where translations are missing."""
    missing = 0
    for locale in LOCALES:
        for sentence, context in refresh(locale):
            missing += 1
            print(f"{locale}: {sentence!r}" + (f" ({context})" if context else ""))
        print(f"{locale}: {po_path(locale).relative_to(CHECKOUT)} is up to date; {missing} to translate.")
    return 1 if missing else 0


def _add(catalogue: Catalog, path: Path, source: str) -> None:
    for forms, context in from_python(source):
        sentence = forms if len(forms) > 1 else forms[0]
        catalogue.add(sentence, locations=[(path.relative_to(CHECKOUT).as_posix(), 0)], context=context)


def _contents(catalogue: Catalog) -> dict[Key, tuple[str, ...]]:
    return {key(message): forms_of(message) for message in catalogue if message.id}


if __name__ == "__main__":
    sys.exit(main())
