"""Pages of images."""

from django.urls import path

from . import views

urlpatterns = [path("projects/<slug:project>/apps/<slug:application>/images/", views.images, name="images")]
