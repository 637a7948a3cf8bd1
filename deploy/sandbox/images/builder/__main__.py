"""The command line: `build`, `push`, `tag`, `inspect`, spoken as `buildah` is.

https://github.com/containers/buildah/tree/main/docs
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import signal
import ssl
import sys
from pathlib import Path

from deploy.sandbox.images.oci import EPOCH_TEXT
from deploy.sandbox.images.reference import InvalidReferenceError, Reference
from deploy.sandbox.images.storage import Storage, StoredImage
from deploy.sandbox.images.transfer import Remote, TransferError, credentials_for

from .build import Build, Options
from .cache import LayerCache
from .errors import BuildError
from .output import complain, say

FAILED = 125
INTERRUPTED = 143


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: a failed RUN's own, 125 for anything else that went wrong."""
    options = _parser().parse_args(arguments)
    storage = Storage(options.root.resolve())
    try:
        return int(options.command(options, storage))
    except BuildError as exc:
        complain(f"Error: building {getattr(options, 'tag', None) or 'image'}: {exc}")
        return exc.code
    except (TransferError, InvalidReferenceError, OSError) as exc:
        complain(f"Error: {exc}")
        return FAILED
    except asyncio.CancelledError:
        complain("Error: interrupted")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    default_root = os.environ.get("SLIPWAY_BUILDER_ROOT") or Path.home() / ".local" / "share" / "slipway-builder"
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.images.builder", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(default_root), help="folder of images and caches")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", aliases=["bud"], help="build an image from a Dockerfile")
    build.add_argument("-f", "--file", type=Path, help="the Dockerfile (default: CONTEXT/Dockerfile)")
    build.add_argument("-t", "--tag", help="the image's name")
    build.add_argument("--target", help="the stage to build (default: the last)")
    build.add_argument("--build-arg", action="append", default=[], metavar="NAME[=VALUE]")
    build.add_argument("--label", action="append", default=[], metavar="NAME=VALUE")
    build.add_argument("--iidfile", type=Path, help="write the image's id here")
    build.add_argument("--timestamp", type=int, help="seconds since 1970 for the image's creation (default: fixed)")
    build.add_argument("--layers", action=argparse.BooleanOptionalAction, default=None, help="use the layer cache")
    build.add_argument("--layers-cache", type=Path, help="folder of the layer cache (implies --layers)")
    build.add_argument("--no-cache", action="store_true", help="run every step")
    build.add_argument("--registry", help="where image names without a host are (also SLIPWAY_BUILDER_REGISTRY)")
    _registry_options(build)
    build.add_argument("context", type=Path, nargs="?", default=Path())
    build.set_defaults(command=_build)

    push = commands.add_parser("push", help="push an image to a registry")
    push.add_argument("--digestfile", type=Path, help="write the manifest's digest here")
    _registry_options(push)
    push.add_argument("image")
    push.add_argument("destination", nargs="?", help="docker://HOST/PROJECT/REPOSITORY:TAG (default: the image's name)")
    push.set_defaults(command=_push)

    tag = commands.add_parser("tag", help="give an image another name")
    tag.add_argument("image")
    tag.add_argument("names", nargs="+")
    tag.set_defaults(command=_tag)

    inspect = commands.add_parser("inspect", help="show an image's configuration and manifest as JSON")
    inspect.add_argument("--type", choices=("image",), default="image")
    inspect.add_argument("image")
    inspect.set_defaults(command=_inspect)
    return parser


def _registry_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cert-dir", type=Path, help="folder with the registry's CA as *.crt")
    parser.add_argument("--tls-ca", type=Path, help="file with the registry's CA")
    parser.add_argument(
        "--creds", metavar="USER:PASSWORD", help="visible to other users of the machine: prefer --authfile"
    )
    parser.add_argument("--authfile", type=Path, default=os.environ.get("REGISTRY_AUTH_FILE"), help="login file")


def _build(options: argparse.Namespace, storage: Storage) -> int:
    layers = options.layers if options.layers is not None else os.environ.get("BUILDAH_LAYERS") == "true"
    folder = options.layers_cache or (storage.root / "layers" if layers else None)
    context = options.context.resolve()
    if not context.is_dir():
        raise BuildError(f"the context {options.context} is no folder")
    tag = options.tag
    wanted = Options(
        context=context,
        dockerfile=(options.file or context / "Dockerfile").resolve(),
        tag=Reference.parse(tag).full if tag else "localhost/untagged:latest",
        target=options.target,
        arguments=_build_arguments(options.build_arg),
        labels=dict(_pair(text) for text in options.label),
        created=_moment(options.timestamp),
        tls=_tls(options),
        auth_file=Path(options.authfile) if options.authfile else None,
        credentials=_credentials(options),
        default_registry=options.registry or os.environ.get("SLIPWAY_BUILDER_REGISTRY"),
    )
    image = asyncio.run(_interruptible(Build(wanted, storage, LayerCache(folder, read=not options.no_cache))))
    if options.iidfile:
        options.iidfile.write_text(image.config_descriptor.digest)
    if tag:
        say(f"Successfully tagged {image.name}")
    say(image.config_descriptor.digest.removeprefix("sha256:"))
    return 0


async def _interruptible(build: Build) -> StoredImage:
    """Run a build; SIGTERM and SIGINT end the command that is running in it, and then the build."""
    task = asyncio.ensure_future(build.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def _push(options: argparse.Namespace, storage: Storage) -> int:
    image = _image(storage, options.image)
    target = Reference.parse((options.destination or options.image).removeprefix("docker://"))
    auth_file = Path(options.authfile) if options.authfile else None
    credentials = _credentials(options) or credentials_for(target.registry, auth_file)
    with Remote(target.registry, target.repository, _tls(options), credentials) as remote:
        for blob in [*image.layers, image.config_descriptor]:
            host, _, repository = image.origins.get(blob.digest, "").partition("/")
            source = repository if host == target.registry else None
            how = remote.push_blob(blob, storage.path(blob.digest), source)
            say(f"Copying blob {blob.digest} {blob.size} bytes: {how}")
        digest = remote.push_manifest(target.tag or "latest", image.manifest)
    say(f"Writing manifest {digest} to {target.full}")
    if options.digestfile:
        options.digestfile.write_text(digest)
    return 0


def _tag(options: argparse.Namespace, storage: Storage) -> int:
    image = _image(storage, options.image)
    for name in options.names:
        storage.remember(Reference.parse(name).full, image.manifest, image.origins)
    return 0


def _inspect(options: argparse.Namespace, storage: Storage) -> int:
    image = _image(storage, options.image)
    shown = {
        "Type": "buildah 0.0.1 (sandbox)",
        "FromImage": image.name,
        "FromImageID": image.config_descriptor.digest.removeprefix("sha256:"),
        "FromImageDigest": image.digest,
        "OCIv1": image.config,
        "Manifest": image.manifest.decode(),
    }
    say(json.dumps(shown, indent=2))
    return 0


def _image(storage: Storage, name: str) -> StoredImage:
    image = storage.find(Reference.parse(name.removeprefix("docker://")).full)
    if image is None:
        raise BuildError(f"{name}: image not known")
    return image


def _tls(options: argparse.Namespace) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if options.tls_ca:
        context.load_verify_locations(options.tls_ca)
    for certificate in sorted(options.cert_dir.glob("*.crt")) if options.cert_dir else ():
        context.load_verify_locations(certificate)
    return context


def _credentials(options: argparse.Namespace) -> tuple[str, str] | None:
    if not options.creds:
        return None
    username, _, password = options.creds.partition(":")
    return username, password


def _build_arguments(given: list[str]) -> dict[str, str]:
    """Return the build arguments; one without a value takes it from the environment."""
    pairs = [text.partition("=") for text in given]
    return {name: value if separator else os.environ.get(name, "") for name, separator, value in pairs}


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _moment(seconds: int | None) -> str:
    if seconds is None:
        return EPOCH_TEXT
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(main())
