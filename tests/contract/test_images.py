"""How `SLIPWAY_TEST_IMAGES` is read."""

from __future__ import annotations

import pytest

from .images import DEFAULT, Images


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Images((DEFAULT,))),
        ("busybox:1.36", Images(("busybox:1.36",))),
        ("127.0.0.1:5000/a/b@sha256:00", Images(("127.0.0.1:5000/a/b@sha256:00",))),
        ("web=demo/web:v1, shell=busybox", Images(("busybox", "demo/web:v1"))),
        ("demo/crash:v1 demo/oom:v1\ndemo/web:v1", Images(("demo/web:v1", "demo/crash:v1", "demo/oom:v1"))),
        ("crash=demo/a:v1;healthy=demo/b:v1", Images(("demo/b:v1", "demo/a:v1"))),
        ("shell=a, missing=b, denied=c", Images(("a",), missing="b", denied="c")),
        ('{"shell": "a", "missing": "b"}', Images(("a",), missing="b")),
        ('["a", "b"]', Images(("a", "b"))),
    ],
)
def test_images_are_read_generously(text: str, expected: Images) -> None:
    assert Images.parse(text) == expected


def test_images_without_a_shell_are_refused() -> None:
    with pytest.raises(ValueError, match="shell=<image>"):
        Images.parse("missing=registry.example/nothing:1")
