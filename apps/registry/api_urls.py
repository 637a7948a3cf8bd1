"""Images in the API."""

from django.urls import path

from . import api

urlpatterns = [
    path("projects/<slug:project>/apps/<slug:application>/images/", api.Images.as_view(), name="api-images"),
]
