"""The vendored pip: run from its wheel, its SHA-256 checked first."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from pathlib import Path

from .errors import Refusal

WHEEL = Path(__file__).with_name("vendor") / "pip-26.3-py3-none-any.whl"
WHEEL_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
OPTIONS = ("--no-input", "--disable-pip-version-check", "--no-python-version-warning")


def check_wheel(path: Path = WHEEL) -> None:
    """Refuse a wheel that is not the one that was reviewed."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as exc:
        raise Refusal(f"{path} cannot be read: {exc.strerror}") from exc
    if found != WHEEL_SHA256:
        raise Refusal(
            f"{path.name} was changed (SHA-256 {found[:12]}… instead of {WHEEL_SHA256[:12]}…): restore it with git"
        )


def command(python: Path, environ: Mapping[str, str]) -> list[str]:
    """Return the command that runs pip for that Python. PIP_* variables and pip.conf are pip's own matter."""
    check_wheel()
    # pip trusts the system's certificates; a machine without any still gets pip's own.
    bundled = [] if _has_certificates(environ) else ["--use-deprecated=legacy-certs"]
    return [str(python), str(WHEEL / "pip"), *OPTIONS, *bundled]


def _has_certificates(environ: Mapping[str, str]) -> bool:
    usual = ssl.get_default_verify_paths()
    files = (environ.get("PIP_CERT"), environ.get("SSL_CERT_FILE", usual.openssl_cafile))
    folder = Path(environ.get("SSL_CERT_DIR", usual.openssl_capath))
    return any(name and Path(name).exists() for name in files) or (folder.is_dir() and any(folder.iterdir()))
