from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"

    def ready(self) -> None:
        from . import messages, schema  # noqa: F401 - register this app's words and its way into the API document
