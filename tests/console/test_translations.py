"""The Chinese catalogue: complete, well formed, compiled, and what a person with that language sees."""

from __future__ import annotations

import ast
import re
from datetime import date
from gettext import GNUTranslations
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext, to_locale

from apps.core.messages import known_codes, word
from apps.integrations.kubernetes import diagnosis_words
from deploy.local import translations
from deploy.local.home import CHECKOUT

LOCALE = "zh_Hans"
PERCENT = re.compile(r"%\(\w+\)[sd]")
CODE = re.compile(r"`[^`]*`")
CHINESE = re.compile(r"[一-鿿]")


@pytest.fixture(scope="module")
def extracted() -> dict[translations.Key, Message]:
    return {translations.key(message): message for message in translations.extract() if message.id}


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return translations.read(LOCALE)


@pytest.fixture(scope="module")
def messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def fields(text: str) -> set[str]:
    """Return the placeholders of a text, in either of the two ways sentences are filled in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None} | set(PERCENT.findall(text))


def test_every_language_offered_has_a_catalogue() -> None:
    offered = {to_locale(code) for code, _name in settings.LANGUAGES} - {to_locale(settings.LANGUAGE_CODE)}
    assert offered == set(translations.LOCALES)


def test_the_catalogue_holds_what_the_sources_say_and_nothing_else(
    extracted: dict[translations.Key, Message], messages: list[Message]
) -> None:
    written = {translations.key(message) for message in messages}
    again = "run python -m deploy.local.translations"
    assert not extracted.keys() - written, f"not in the catalogue yet; {again}"
    assert not written - extracted.keys(), f"no longer in the sources; {again}"


def test_every_plural_is_known_as_one(extracted: dict[translations.Key, Message], messages: list[Message]) -> None:
    assert {translations.key(message): message.id for message in messages} == {
        known: message.id for known, message in extracted.items()
    }


def test_every_sentence_is_translated_and_none_is_a_guess(messages: list[Message]) -> None:
    assert not [message.id for message in messages if not all(text.strip() for text in translations.forms_of(message))]
    assert not [message.id for message in messages if message.fuzzy]


def test_chinese_has_one_form_for_every_number(catalogue: Catalog, messages: list[Message]) -> None:
    assert catalogue.num_plurals == 1
    assert {len(translations.forms_of(message)) for message in messages} == {1}


def test_every_translation_is_filled_in_with_the_same_things(messages: list[Message]) -> None:
    wrong = [
        (message.id, text)
        for message in messages
        for text in translations.forms_of(message)
        if fields(text) != fields(message.id if isinstance(message.id, str) else message.id[-1])
    ]
    assert not wrong


def test_code_in_a_sentence_stays_as_it_is(messages: list[Message]) -> None:
    coded = [message for message in messages if isinstance(message.id, str) and CODE.search(message.id)]
    assert coded
    assert not [
        message.id for message in coded if sorted(CODE.findall(message.id)) != sorted(CODE.findall(message.string))
    ]


def test_sentences_are_in_chinese_and_end_as_chinese_ends(messages: list[Message]) -> None:
    sentences = [message for message in messages if isinstance(message.id, str) and len(message.id.split()) > 3]
    assert len(sentences) > 500
    assert not [message.id for message in sentences if not CHINESE.search(message.string)]
    assert not [message.id for message in sentences if CHINESE.search(message.string) and message.string.endswith(".")]


def test_the_compiled_catalogue_is_what_is_written(messages: list[Message]) -> None:
    with translations.po_path(LOCALE).with_suffix(".mo").open("rb") as file:
        compiled = GNUTranslations(file)
        file.seek(0)
        assert len(read_mo(file)) == len(messages)
    stale = []
    for message in messages:
        sentence, context = translations.key(message)
        if isinstance(message.id, tuple):
            said = compiled.ngettext(*message.id, 1)
        else:
            said = compiled.pgettext(context, sentence) if context else compiled.gettext(sentence)
        if (said,) != translations.forms_of(message):
            stale.append(sentence)
    assert not stale


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('{% load i18n %}<p>{% trans "Sign in" %}</p>', [(("Sign in",), None)]),
        ('{% trans "From" context "address" %}', [(("From",), "address")]),
        ('<b title="{% trans "It\'s here" as word %}">', [(("It's here",), None)]),
        ('    {{ flag|yesno:_("yes,no") }}\n {% pill _("Ready") "green" %}', [(("yes,no",), None), (("Ready",), None)]),
        (
            "  {% blocktrans count counter=all|length trimmed %}\n  one pod\n  {% plural %}{{ counter }} pods{% endblocktrans %}",
            [(("one pod", "%(counter)s pods"), None)],
        ),
        ('{% comment %}{% trans "never shown" %}{% endcomment %}', []),
    ],
)
def test_templates_are_read_as_django_reads_them(source: str, found: list[tuple[tuple[str, ...], str | None]]) -> None:
    assert list(translations.from_python(translations.from_template(source))) == found


def test_python_is_read_as_gettext_reads_it() -> None:
    source = (
        'a = _("One " "sentence")\nb = pgettext_lazy("of a pod", "Ready")\nc = ngettext("a pod", "pods", n)\nd = _(x)'
    )
    assert list(translations.from_python(source)) == [
        (("One sentence",), None),
        (("Ready",), "of a pod"),
        (("a pod", "pods"), None),
    ]


def test_nothing_that_is_translated_through_a_variable_is_forgotten(extracted: dict[translations.Key, Message]) -> None:
    """A call without a literal must be one of those whose texts are extracted by name or marked where they stand."""
    calls = set()
    for path in (CHECKOUT / "apps").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in translations.KEYWORDS
                and not all(isinstance(argument, ast.Constant) for argument in node.args[:1])
            ):
                calls.add(path.relative_to(CHECKOUT).as_posix())
    assert calls <= {
        "apps/workloads/messages.py",
        "apps/integrations/kubernetes/diagnosis_words.py",
        "apps/manifests/api.py",
        "apps/manifests/presentation.py",
    }
    variables = {
        (path.relative_to(CHECKOUT).as_posix(), name)
        for path in (CHECKOUT / "templates").rglob("*.html")
        for name in re.findall(r"{% (?:trans|translate) ([^\"'\s]+)", path.read_text(encoding="utf-8"))
    }
    assert variables <= {("templates/manifests/_input.html", "field.unit")}
    assert {("pods", None), (diagnosis_words.SENTENCES["pod.oom_killed"], None)} <= extracted.keys()


def test_django_speaks_it() -> None:
    with translation.override("zh-hans"):
        assert gettext("Release order") == "发布单"
        assert ngettext("one target", "%(counter)s targets", 1) % {"counter": 1} == "1 个目标"
        assert date_format(date(2026, 11, 1), "F") == "十一月"
    with translation.override("en"):
        assert gettext("Release order") == "Release order"


def test_every_code_has_chinese_words() -> None:
    with translation.override("zh-hans"):
        spoken = {code: word(code) for code in known_codes()}
    assert len(spoken) > 100
    assert not [code for code, words in spoken.items() if not CHINESE.search(words.message)]
    assert not [code for code, words in spoken.items() if words.hint and not CHINESE.search(words.hint)]


def test_a_cause_is_worded_with_its_parameters() -> None:
    with translation.override("zh-hans"):
        said = word("pod.oom_killed", {"container": "web", "limit": "256Mi"})
    assert "web" in said.message
    assert "256Mi" in said.message
    assert "内存" in said.message


@pytest.mark.django_db
def test_the_first_page_is_chinese_for_a_browser_that_asks_for_it() -> None:
    with translation.override("en"):  # a request leaves its language behind in this thread
        page = Client(headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}).get(reverse("login")).content.decode()
        english = Client(headers={"accept-language": "en"}).get(reverse("login")).content.decode()
    assert '<html lang="zh-hans"' in page
    assert "登录" in page
    assert "Sign in" not in page
    assert '<html lang="en"' in english
    assert "Sign in" in english
    assert not CHINESE.search(english)
