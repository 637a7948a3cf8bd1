"""What may be wrong with a pasted kubeconfig, in words: what it is, and what to write instead."""

from __future__ import annotations

from typing import Final, Self

SENTENCES: Final[dict[str, str]] = {
    "kubeconfig.too_big": "This is too big for a kubeconfig.",
    "kubeconfig.not_yaml": "This cannot be read as YAML ({fix}).",
    "kubeconfig.not_a_kubeconfig": "This is no kubeconfig: it does not say {fix}.",
    "kubeconfig.not_a_list": "A list is expected here.",
    "kubeconfig.missing": "This is missing.",
    "kubeconfig.no_context": "There is no context, which says what cluster and user belong together.",
    "kubeconfig.unknown_context": "There is no context of that name; there is {fix}.",
    "kubeconfig.unknown_reference": "The context names something that is not in the file.",
    "kubeconfig.exec": "This would run a program on the console. Give {fix} instead.",
    "kubeconfig.auth_provider": "This would run a login helper on the console. Give {fix} instead.",
    "kubeconfig.basic_auth": "API servers take no passwords any more. Give {fix} instead.",
    "kubeconfig.impersonation": "Slipway acts as itself only. Give {fix} of the account it shall be.",
    "kubeconfig.file_path": "This names a file, which is not on the console. Give {fix} instead.",
    "kubeconfig.insecure": "This would accept any server. Give {fix} instead.",
    "kubeconfig.proxy": "Clusters behind a proxy are not supported.",
    "kubeconfig.bad_server": "This is no address of an API server, as in {fix}.",
    "kubeconfig.not_base64": "This is not base64 of a text.",
    "kubeconfig.bad_certificate": "This holds no certificate: expected is {fix}.",
    "kubeconfig.no_credentials": "The user has no credentials. Give {fix}.",
    "kubeconfig.bad_token": "This is no token: expected is {fix}.",
}


class Problem(str):
    """A sentence that knows its code and its way out, for who words it in another language."""

    __slots__ = ("code", "fix")
    code: str
    fix: str

    def __new__(cls, code: str, fix: str = "") -> Self:
        """Return the sentence of a code, with `fix` in it."""
        problem = super().__new__(cls, SENTENCES[code].format(fix=fix))
        problem.code, problem.fix = code, fix
        return problem
