"""Credentials of folders and of the server: create, describe, replace, delete.

https://github.com/jenkinsci/credentials-plugin/blob/master/docs/user.adoc#creating-a-credentials
"""

from __future__ import annotations

from aiohttp import web

from deploy.sandbox.jenkins import definitions
from deploy.sandbox.jenkins.credentials import BadCredential, Credential, parse

from .answers import ITEM, Site, as_json, find_item

STORES = (f"{ITEM}/credentials/store/folder/domain/_", "/credentials/store/system/domain/_",
          "/manage/credentials/store/system/domain/_")  # fmt: skip


class CredentialHandlers:
    """The stores of credentials."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            *(web.get(f"{base}/api/json", self.list_all) for base in STORES),
            *(web.post(f"{base}/createCredentials", self.create) for base in STORES),
            *(web.get(f"{base}/credential/{{id}}/api/json", self.describe) for base in STORES),
            *(web.get(f"{base}/credential/{{id}}/config.xml", self.get_config) for base in STORES),
            *(web.post(f"{base}/credential/{{id}}/config.xml", self.set_config) for base in STORES),
            *(web.delete(f"{base}/credential/{{id}}/config.xml", self.delete) for base in STORES),
            *(web.post(f"{base}/credential/{{id}}/doDelete", self.delete) for base in STORES),
        ]

    def _store(self, request: web.Request) -> str:
        """Return the folder of the store, "" for the server's own."""
        if "item" not in request.match_info:
            return ""
        item = find_item(self._site, request)
        if item.definition().kind != definitions.FOLDER:
            raise web.HTTPNotFound(text="Not Found")
        return item.full_name

    def _find(self, request: web.Request) -> Credential:
        credential = self._site.credentials.find(self._store(request), request.match_info["id"])
        if credential is None:
            raise web.HTTPNotFound(text="Not Found")
        return credential

    async def _posted(self, request: web.Request, known: Credential | None) -> Credential:
        try:
            return parse(await request.text(), known)
        except BadCredential as exc:
            raise web.HTTPInternalServerError(text=str(exc)) from exc

    async def list_all(self, request: web.Request) -> web.Response:
        """Answer a store's credentials."""
        shape = {
            "_class": "com.cloudbees.plugins.credentials.CredentialsStoreAction$DomainWrapper",
            "credentials": [credential.shape() for credential in self._site.credentials.list(self._store(request))],
        }
        return as_json(request, shape)

    async def create(self, request: web.Request) -> web.Response:
        """Add a credential."""
        credential = await self._posted(request, None)
        request["journal"]["credential"] = credential.id
        if self._site.credentials.find(self._store(request), credential.id):
            raise web.HTTPConflict(text=f"a credential with the id {credential.id} exists")
        self._site.credentials.put(self._store(request), credential)
        return web.Response()

    async def describe(self, request: web.Request) -> web.Response:
        """Answer a credential, without its secret."""
        return as_json(request, self._find(request).shape())

    async def get_config(self, request: web.Request) -> web.Response:
        """Answer a credential's XML, its secret redacted."""
        return web.Response(text=self._find(request).xml(), content_type="application/xml")

    async def set_config(self, request: web.Request) -> web.Response:
        """Replace a credential."""
        known = self._find(request)
        credential = await self._posted(request, known)
        if credential.id != known.id:
            raise web.HTTPInternalServerError(text="the id of a credential cannot change")
        request["journal"]["credential"] = credential.id
        self._site.credentials.put(self._store(request), credential)
        return web.Response()

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a credential."""
        self._site.credentials.delete(self._store(request), self._find(request).id)
        return web.Response()
