"""The page of approved base images, for administrators."""

from __future__ import annotations

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.guards import require_administrator
from apps.connections import selectors as connections
from apps.core import messages
from apps.core.errors import Conflict

from . import selectors, services
from .forms import BaseImageForm


@login_required
@require_http_methods(["GET", "POST"])
def base_images(request: HttpRequest) -> HttpResponse:
    """List the approved base images by stage, and approve one more (POST)."""
    actor = request.actor  # type: ignore[attr-defined]
    require_administrator(actor)
    form = BaseImageForm(request.POST or None, harbors=connections.list_connections("harbor"))
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                image = services.register_base_image(actor=actor, **form.cleaned_data)
            except Conflict as conflict:
                form.add_error("reference", messages.word(conflict.code, conflict.params).message)
            else:
                toasts.success(request, _("%(image)s is approved.") % {"image": image.reference})
                return redirect("base-images")
        status = 422
    context = {"form": form, "images": selectors.list_base_images()}
    return render(request, "dockerfiles/base_images.html", context, status=status)


@login_required
@require_POST
def enable(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw an approval, or give it back."""
    actor = request.actor  # type: ignore[attr-defined]
    require_administrator(actor)
    image = selectors.get_base_image(pk)
    enabled = request.POST.get("enabled") == "1"
    services.set_base_image_enabled(image=image, enabled=enabled, actor=actor)
    words = _("%(image)s is approved again.") if enabled else _("%(image)s is no longer approved.")
    toasts.success(request, words % {"image": image.reference})
    return redirect("base-images")
