"""Re-encrypt every encrypted field with the first key of SLIPWAY_FIELD_KEYS."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import transaction

from apps.core.fields import EncryptedTextField


class Command(BaseCommand):
    help = "Re-encrypt every encrypted field with the first key of SLIPWAY_FIELD_KEYS; old keys may then be dropped."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for model in apps.get_models():
            names = [f.attname for f in model._meta.concrete_fields if isinstance(f, EncryptedTextField)]
            if not names:
                continue
            rotated = 0
            for pk in model._base_manager.order_by("pk").values_list("pk", flat=True).iterator():
                with transaction.atomic():
                    row = model._base_manager.select_for_update().get(pk=pk)
                    # update() encrypts anew, and bypasses any rule that rows of this model never change
                    model._base_manager.filter(pk=pk).update(**{name: getattr(row, name) for name in names})
                rotated += 1
            self.stdout.write(f"{model._meta.label}: {rotated} rows, fields {', '.join(names)}")
