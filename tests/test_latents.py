"""A seed's latent, labels and walk are those of docs/latents.md, and behave as chance should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phiz import latents
from phiz.errors import UsageError

GOLDEN = json.loads((Path(__file__).parent / "golden" / "latents.json").read_text("utf-8"))
SEEDS = st.integers(0, latents.MAX_SEED)


def test_the_golden_file_is_of_this_version():
    assert GOLDEN["version"] == latents.VERSION


def test_words_equal_the_golden_ones():
    for case in GOLDEN["words"]:
        got = latents.words([case["seed"]], case["stream"], len(case["values"]))[0]
        assert [f"{int(word):016x}" for word in got] == case["values"]


def test_uniforms_equal_the_golden_ones():
    for case in GOLDEN["uniforms"]:
        got = latents.uniform(case["seed"], case["stream"], len(case["values"]))
        assert got.dtype == np.float64
        assert got.tolist() == case["values"]


def test_latents_equal_the_golden_ones():
    for case in GOLDEN["latents"]:
        got = latents.latents([case["seed"]], case["z"])
        assert got.dtype == np.float32
        assert got[0].tolist() == case["values"]


def test_labels_equal_the_golden_ones():
    for case in GOLDEN["labels"]:
        pairs, asked = case["pairs"], dict(case["asked"])
        drawn = latents.draw_labels(case["seeds"], case["frequencies"], pairs, asked)
        assert drawn.tolist() == case["values"]
        named = {f"attribute {i}": counts for i, counts in enumerate(case["frequencies"])}
        assert latents.draw_labels(case["seeds"], named, pairs, asked).tolist() == case["values"]


def test_truncation_equals_the_golden_one():
    for case in GOLDEN["truncation"]:
        got = latents.truncate(np.array([case["point"]]), case["psi"], case["centres"])
        assert got[0].tolist() == case["values"]


def test_walks_equal_the_golden_ones():
    for case in GOLDEN["walks"]:
        got = latents.walk(case["seed"], case["frames"], case["z"], case["keys"])
        assert got.dtype == np.float32
        assert got.tolist() == case["values"]


def test_splitmix64_gives_the_published_stream():
    """Stream 0 of seed 0 starts at state 0, where the first outputs of splitmix64 are well known."""
    assert [hex(int(w)) for w in latents.words([0], 0, 3)[0]] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


@given(st.lists(SEEDS, min_size=1, max_size=8), st.integers(1, 40))
def test_a_latent_depends_on_its_own_seed_only(seeds, z):
    together = latents.latents(seeds, z)
    assert together.shape == (len(seeds), z)
    alone = np.concatenate([latents.latents([seed], z) for seed in seeds])
    assert np.array_equal(together, alone)
    assert np.isfinite(together).all()
    assert np.abs(together).max() < 8.58


@given(SEEDS, st.integers(1, 50), st.integers(1, 50))
def test_a_shorter_latent_begins_a_longer_one(seed, short, more):
    long = latents.latents([seed], short + more)
    assert np.array_equal(latents.latents([seed], short), long[:, :short])


@pytest.mark.parametrize("seed", [-1, 2**53, 1.5, "7", True, None, 2**70])
def test_what_is_no_seed_is_refused_by_name(seed):
    with pytest.raises(UsageError, match="9007199254740991"):
        latents.latents([seed], 4)


def test_a_sheet_may_not_pass_the_last_seed():
    assert latents.seeds_from(latents.MAX_SEED - 1, 2) == [latents.MAX_SEED - 1, latents.MAX_SEED]
    with pytest.raises(UsageError, match="last seed"):
        latents.seeds_from(latents.MAX_SEED - 1, 3)
    with pytest.raises(UsageError, match="at least 1"):
        latents.seeds_from(0, 0)


def test_numpy_integers_are_seeds():
    assert np.array_equal(latents.latents(np.arange(3, dtype=np.int32), 4), latents.latents([0, 1, 2], 4))


def test_latents_are_standard_normal():
    values = latents.latents(range(4000), 50).astype(np.float64)
    assert abs(values.mean()) < 0.01
    assert abs(values.var() - 1) < 0.015
    assert abs((values**3).mean()) < 0.03
    assert abs((values**4).mean() - 3) < 0.08
    assert np.abs(values.mean(axis=0)).max() < 0.08
    assert abs((np.abs(values) < 1).mean() - 0.6827) < 0.005


def test_neighbouring_seeds_streams_and_places_are_unrelated():
    values = latents.latents(range(20001), 4).astype(np.float64)
    for lag in (1, 2, 256):
        assert np.abs((values[:-lag] * values[lag:]).mean(axis=0)).max() < 0.03
    assert abs((values[:, 0] * values[:, 1]).mean()) < 0.03
    assert abs((values[:, 0] * values[:, 2]).mean()) < 0.03
    assert abs((values[:, 0] ** 2 * values[:, 1] ** 2).mean() - 1) < 0.1
    other = latents.noise(range(20001), 4).astype(np.float64)
    assert np.abs((values * other).mean(axis=0)).max() < 0.03


def test_uniforms_fill_the_unit_interval():
    draws = np.concatenate([latents.uniform(seed, latents.LABELS, 40) for seed in range(500)])
    counts, _ = np.histogram(draws, 20, (0, 1))
    assert draws.min() >= 0
    assert draws.max() < 1
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-squared, 19 degrees: p > 0.0007


def test_labels_come_as_often_as_they_were_seen():
    labels = latents.draw_labels(range(20000), {"hair": [1, 0, 3], "hat": [0, 0]})
    assert labels.shape == (20000, 2)
    assert abs((labels[:, 0] == 2).mean() - 0.75) < 0.01
    assert not (labels[:, 0] == 1).any()
    assert abs((labels[:, 1] == 1).mean() - 0.5) < 0.01
    assert abs(np.corrcoef(labels[:, 0], labels[:, 1])[0, 1]) < 0.02


@given(SEEDS, st.lists(st.integers(0, 2**45), min_size=1, max_size=12))
def test_a_label_is_always_a_value_that_was_seen(seed, counts):
    label = latents.draw_labels([seed], [counts])[0, 0]
    assert 0 <= label < len(counts)
    assert counts[label] > 0 or not any(counts)


def test_values_go_together_as_they_were_seen():
    pairs = [[], [[[10, 20, 30], [30, 0, 0]]]]
    labels = latents.draw_labels(range(20000), [[40, 20, 30], [60, 30]], pairs)
    seen = np.zeros((2, 3))
    np.add.at(seen, (labels[:, 1], labels[:, 0]), 1)
    assert np.abs(seen / 20000 - np.array(pairs[1][0]) / 90).max() < 0.01
    assert seen[1, 1] == seen[1, 2] == 0


def test_what_is_asked_for_changes_only_what_does_not_go_with_it():
    # hair: short, long, afro; earrings: none, hoops, which only short hair shows; shade: two, for themselves
    counts = [[40, 20, 30], [60, 30], [45, 45]]
    pairs = [[], [[[10, 20, 30], [30, 0, 0]]], [[[20, 10, 15], [20, 10, 15]], [[30, 15], [30, 15]]]]
    plain = latents.draw_labels(range(2000), counts, pairs)
    hoops = latents.draw_labels(range(2000), counts, pairs, {1: 1})
    assert (hoops[:, :2] == [0, 1]).all()
    assert np.array_equal(hoops[:, 2], plain[:, 2])
    afro = latents.draw_labels(range(2000), counts, pairs, {0: 2})
    assert (afro[:, 1] == 0).all()
    assert np.array_equal(afro[:, 2], plain[:, 2])
    shade = latents.draw_labels(range(2000), counts, pairs, {2: 1})
    assert np.array_equal(shade[:, :2], plain[:, :2])
    # What was never seen together is drawn all the same where it is asked for.
    both = latents.draw_labels(range(20), counts, pairs, {0: 2, 1: 1})
    assert (both[:, :2] == [2, 1]).all()


def test_labels_that_few_faces_share_do_not_narrow_what_is_drawn():
    pairs = [[], [[[0, 0], [0, 0]]], [[[2, 0], [0, 0]], [[0, 0], [0, 0]]]]
    labels = latents.draw_labels(range(4000), [[50, 50], [50, 50], [50, 50]], pairs)
    assert np.abs(labels[:, :2].mean(axis=0) - 0.5).max() < 0.03
    # What was never seen with the first attribute has the share of all faces there.
    assert abs(labels[labels[:, 0] == 0, 2].mean() - 0.5) < 0.03


@settings(max_examples=50)
@given(st.integers(0, 10**9), st.integers(2, 6), st.integers(1, 20), st.integers(2, 40))
def test_a_walk_passes_its_keys_and_closes(seed, keys, per_key, z):
    frames = keys * per_key
    path = latents.walk(seed, frames, z, keys)
    assert path.shape == (frames, z)
    assert np.allclose(path[::per_key], latents.latents(range(seed, seed + keys), z), atol=1e-6)


def test_a_walk_has_no_seam_and_keeps_its_length():
    path = latents.walk(3, 240, 100, 4).astype(np.float64)
    steps = np.linalg.norm(np.diff(path, axis=0, append=path[:1]), axis=1)
    assert steps[-1] < 2 * steps[59]  # the step that closes it is as small as any other at a key
    assert steps.max() < 0.5
    lengths = np.linalg.norm(path, axis=1)
    ends = np.linalg.norm(latents.latents(range(3, 7), 100), axis=1)
    assert ends.min() - 1e-3 <= lengths.min() <= lengths.max() <= ends.max() + 1e-3


@pytest.mark.parametrize(("frames", "keys"), [(10, 1), (10, 0), (2, 3)])
def test_a_walk_that_cannot_be_is_refused(frames, keys):
    with pytest.raises(UsageError):
        latents.walk(0, frames, 4, keys)


def test_truncation_takes_one_psi_a_point():
    points = latents.latents(range(3), 5)
    got = latents.truncate(points, np.array([0.0, 0.5, 1.0]))
    assert np.array_equal(got[0], np.zeros(5))
    assert np.array_equal(got[2], points[2])
