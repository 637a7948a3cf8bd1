"""The shape of what people ask of a version that is there."""

from __future__ import annotations

from django import forms

from .operations import MOST_REPLICAS


class ScaleForm(forms.Form):
    """A number of pods."""

    replicas = forms.IntegerField(min_value=0, max_value=MOST_REPLICAS)


class BoundsForm(forms.Form):
    """Between which numbers an autoscaler may choose."""

    min = forms.IntegerField(min_value=1, max_value=MOST_REPLICAS)
    max = forms.IntegerField(min_value=1, max_value=MOST_REPLICAS)
