"""The form that is published is the one that packs shortest among those whose faces are near enough."""

from __future__ import annotations

import pytest

import toys
from phiz.errors import PhizError
from phiz.publish import forms
from phiz.publish.site import packed
from phiz.publish.stored import FORMS


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return toys.model(tmp_path_factory.mktemp("models") / "model", size=32)


def test_bytes_are_spared_as_far_as_faces_stay_near(model, monkeypatch):
    sizes = []
    for near in (1.9, 0.9, 0.0):
        monkeypatch.setattr(forms, "NEAR", near)
        monkeypatch.setattr(forms, "_FINE", (100, 200, 400, 800))  # a toy has small layers
        kept = forms.smallest(model)
        assert kept.form == "int8"
        assert kept.mean <= max(near, forms.ALLOWED["int8"])
        sizes.append(len(packed(kept.data)))
    assert sizes[0] < sizes[1] < sizes[2] == len(packed(forms.keep(model, "int8").data))


def test_where_bytes_are_too_few_the_next_form_is_taken(model, monkeypatch):
    monkeypatch.setattr(forms, "NEAR", 0.0)
    monkeypatch.setattr(forms, "ALLOWED", {"fp32": 0.0, "fp16": 0.25, "int8": 0.0})
    assert forms.smallest(model).form == "fp16"
    with pytest.raises(PhizError, match=r"int8 differ by .* use --weights fp16"):
        forms.keep(model, "int8")


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_is_asked_for_is_kept_as_near_as_it_may_be(model, form):
    kept = forms.keep(model, form)
    assert kept.mean <= forms.ALLOWED[form]
