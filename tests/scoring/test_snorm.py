"""Adaptive s-norm and its relations, against one trial at a time in float64."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from pyannote_ge2e.scoring import adaptive_snorm, cosine_scores, s_norm, t_norm, z_norm


def embeddings_of(*sizes, dimension=8, seed=0):
    """Embeddings around a common direction, as those of real speakers are."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=dimension)
    return [centre + rng.normal(size=(size, dimension)) for size in sizes]


def random_trials(num_enrolment, num_test, num_trials=200):
    return np.random.default_rng(1).integers([num_enrolment, num_test], size=(num_trials, 2))


def similarity(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True)) / (
        sum(a * a for a in one) ** 0.5 * sum(b * b for b in other) ** 0.5
    )


def one_side(score, embedding, cohort, top, left_out=-1):
    """Normalise a score by the statistics of one file, as the definition says."""
    similarities = [similarity(embedding, c) for i, c in enumerate(cohort) if i != left_out]
    nearest = sorted(similarities, reverse=True)[:top]
    mean = sum(nearest) / len(nearest)
    deviation = (sum((s - mean) ** 2 for s in nearest) / len(nearest)) ** 0.5
    return (score - mean) / deviation


def one_by_one(enrolment, test, cohort, trials, top, out_e=None, out_t=None):
    scores = []
    for e, t in trials:
        score = similarity(enrolment[e], test[t])
        z = one_side(score, enrolment[e], cohort, top, -1 if out_e is None else out_e[e])
        t = one_side(score, test[t], cohort, top, -1 if out_t is None else out_t[t])
        scores.append((z + t) / 2)
    return scores


@pytest.mark.parametrize("top", [2, 7, 40, 41, 1000, None])
def test_agrees_with_one_trial_at_a_time(top):
    enrolment, test, cohort = embeddings_of(12, 9, 41)
    trials = random_trials(12, 9)
    scores = adaptive_snorm(enrolment, test, cohort, trials, top)
    assert scores.dtype == np.float64
    expected = one_by_one(enrolment, test, cohort, trials, top)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-10)


def test_agrees_where_a_threshold_preselects_the_nearest():
    files, cohort = embeddings_of(5, 3000, dimension=16)
    trials = random_trials(5, 5, 12)
    scores = adaptive_snorm(files, files, cohort, trials)
    expected = one_by_one(files, files, cohort, trials, 400)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-10)


def test_a_case_by_hand():
    # Similarities to the cohort: .6, 0, -1 for the one; .96, .6, -.8 for the other; .8 for both.
    files, cohort = [[1.0, 0.0], [0.8, 0.6]], [[0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]
    (score,) = adaptive_snorm(files, files, cohort, [[0, 1]], top=2)
    assert score == pytest.approx(((0.8 - 0.3) / 0.3 + (0.8 - 0.78) / 0.18) / 2, abs=1e-14)


@pytest.mark.parametrize("top", [400, 50])
def test_cosine_distances_give_the_opposite(top):
    """The definition as Coria et al. compute it: distances, the smallest, population std."""
    files, cohort = embeddings_of(20, 450, dimension=16)
    trials = random_trials(20, 20)
    distances = cdist(files, files, metric="cosine")
    nearest = np.sort(cdist(files, cohort, metric="cosine"), axis=1)[:, :top]
    mean, std = nearest.mean(axis=1), nearest.std(axis=1)
    expected = [
        0.5 * ((distances[a, b] - mean[a]) / std[a] + (distances[a, b] - mean[b]) / std[b])
        for a, b in trials
    ]
    scores = adaptive_snorm(files, files, cohort, trials, top)
    np.testing.assert_allclose(scores, -np.array(expected), rtol=0, atol=1e-10)


def test_s_norm_is_the_mean_of_z_norm_and_t_norm():
    enrolment, test, cohort = embeddings_of(12, 9, 41)
    trials = random_trials(12, 9)
    z, t = z_norm(enrolment, test, cohort, trials), t_norm(enrolment, test, cohort, trials)
    s = s_norm(enrolment, test, cohort, trials)
    np.testing.assert_allclose(s, (z + t) / 2, atol=1e-14)
    np.testing.assert_array_equal(s, adaptive_snorm(enrolment, test, cohort, trials, top=None))
    np.testing.assert_allclose(s, one_by_one(enrolment, test, cohort, trials, None), atol=1e-10)
    assert not np.allclose(z, t)


def test_z_norm_of_exchanged_trials_is_t_norm():
    enrolment, test, cohort = embeddings_of(12, 9, 41)
    trials = random_trials(12, 9)
    np.testing.assert_array_equal(
        z_norm(enrolment, test, cohort, trials, top=5),
        t_norm(test, enrolment, cohort, trials[:, ::-1], top=5),
    )


def test_exchanging_the_files_of_a_trial_changes_nothing():
    files, cohort = embeddings_of(15, 41)
    trials = random_trials(15, 15)
    np.testing.assert_array_equal(
        adaptive_snorm(files, files, cohort, trials, 5),
        adaptive_snorm(files, files, cohort, trials[:, ::-1], 5),
    )


def test_the_order_of_the_cohort_does_not_matter():
    files, cohort = embeddings_of(15, 1500)
    trials = random_trials(15, 15)
    shuffled = np.random.default_rng(2).permutation(cohort)
    np.testing.assert_allclose(
        adaptive_snorm(files, files, cohort, trials, 50),
        adaptive_snorm(files, files, shuffled, trials, 50),
        atol=1e-12,
    )


def test_norms_do_not_matter_and_inputs_are_left_alone():
    enrolment, test, cohort = embeddings_of(12, 9, 41)
    trials = random_trials(12, 9)
    scaled = [x * np.arange(1, len(x) + 1)[:, None] for x in (enrolment, test, cohort)]
    before = [x.copy() for x in scaled]
    np.testing.assert_allclose(
        adaptive_snorm(*scaled, trials, 5), adaptive_snorm(enrolment, test, cohort, trials, 5)
    )
    for array, kept in zip(scaled, before, strict=True):
        np.testing.assert_array_equal(array, kept)


def test_ties_at_the_border_count_as_often_as_there_is_room():
    # Similarities: .8 once, .6 three times, 0 twice; the nearest three are .8, .6, .6.
    cohort = [[0.6, 0.8], [0.0, 1.0], [0.6, -0.8], [0.8, 0.6], [0.6, 0.8], [0.0, -1.0]]
    mean, std = np.mean([0.8, 0.6, 0.6]), np.std([0.8, 0.6, 0.6])
    (score,) = z_norm([[1.0, 0.0]], [[0.0, 1.0]], cohort, [[0, 0]], top=3)
    assert score == pytest.approx((0.0 - mean) / std, abs=1e-12)


@pytest.mark.parametrize("same", [True, False])
def test_files_of_the_cohort_are_left_out_of_their_own_statistics(same):
    cohort = embeddings_of(30)[0]
    files = np.concatenate([embeddings_of(6, seed=3)[0], cohort[[4, 20]]])
    test = files if same else files[::-1].copy()
    rows = np.array([-1] * 6 + [4, 20])
    test_rows = rows if same else rows[::-1]
    trials = random_trials(8, 8)
    for top in (5, 29, 30, None):
        scores = adaptive_snorm(
            files, test, cohort, trials, top, enrolment_in_cohort=rows, test_in_cohort=test_rows
        )
        expected = one_by_one(files, test, cohort, trials, top, rows, test_rows)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["enrolment_in_cohort", "test_in_cohort"])
def test_what_is_left_out_on_one_side_of_one_array_is_left_out_on_the_other(name):
    cohort = embeddings_of(30)[0]
    trials = random_trials(30, 30)
    np.testing.assert_array_equal(
        adaptive_snorm(cohort, cohort, cohort, trials, 5, **{name: np.arange(30)}),
        adaptive_snorm(
            cohort.copy(),
            cohort,
            cohort,
            trials,
            5,
            enrolment_in_cohort=np.arange(30),
            test_in_cohort=np.arange(30),
        ),
    )


def test_two_choices_of_what_to_leave_out_are_both_kept():
    cohort = embeddings_of(30)[0]
    trials = random_trials(30, 30)
    none, itself = np.full(30, -1), np.arange(30)
    scores = adaptive_snorm(
        cohort, cohort, cohort, trials, 5, enrolment_in_cohort=none, test_in_cohort=itself
    )
    expected = one_by_one(cohort, cohort, cohort, trials, 5, none, itself)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("members", [1, 50])
def test_a_cohort_of_identical_members_only_centres(dtype, members):
    files, cohort = (x.astype(dtype) for x in embeddings_of(15, 1, dimension=192))
    # Norms differ: what is left of them after normalising is rounding.
    cohort = (cohort * np.arange(1, members + 1)[:, None]).astype(dtype)
    trials = random_trials(15, 15)
    to_cohort = [similarity(x.astype(float), cohort[0].astype(float)) for x in files]
    expected = [
        similarity(files[a].astype(float), files[b].astype(float))
        - (to_cohort[a] + to_cohort[b]) / 2
        for a, b in trials
    ]
    for top in (400, 2, 1):
        scores = adaptive_snorm(files, files, cohort, trials, top)
        np.testing.assert_allclose(scores, expected, atol=1e-6 if dtype == np.float32 else 1e-14)


def test_the_single_nearest_only_centres():
    files, cohort = embeddings_of(6, 30)
    trials = random_trials(6, 6)
    nearest = [max(similarity(x, c) for c in cohort) for x in files]
    expected = cosine_scores(files, trials) - np.array(nearest)[trials].mean(axis=1)
    scores = adaptive_snorm(files, files, cohort, trials, top=1)
    np.testing.assert_allclose(scores, expected, atol=1e-14)


def test_zero_embeddings_give_finite_scores():
    files, cohort = embeddings_of(3, 30)
    files[1] = 0
    assert np.isfinite(adaptive_snorm(files, files, cohort, [[0, 1], [1, 1]], 5)).all()


def test_single_precision_stays_single_and_close():
    files, cohort = (x.astype(np.float32) for x in embeddings_of(60, 2000, dimension=192))
    trials = random_trials(60, 60, 2000)
    scores = adaptive_snorm(files, files, cohort, trials)
    assert scores.dtype == np.float32
    exact = adaptive_snorm(files.astype(float), files.astype(float), cohort, trials)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(scores, exact, rtol=0, atol=2e-5)


def test_one_double_among_the_inputs_makes_all_double():
    enrolment, test, cohort = embeddings_of(12, 9, 41)
    single = [x.astype(np.float32) for x in (enrolment, test, cohort)]
    for position, double in enumerate((enrolment, test, cohort)):
        inputs = [double if i == position else x for i, x in enumerate(single)]
        assert adaptive_snorm(*inputs, [[0, 0]]).dtype == np.float64
    halves = [x.astype(np.float16) for x in single]
    assert adaptive_snorm(*halves, [[0, 0]]).dtype == np.float32


@pytest.mark.parametrize("limits", [{"ROWS": 1}, {"ROWS": 4}, {"BUFFER": 1}, {"BUFFER": 100}])
def test_small_blocks_give_the_same(limits, monkeypatch):
    files, cohort = embeddings_of(23, 41)
    trials = random_trials(23, 23)
    rows = np.random.default_rng(2).integers(-1, 41, size=23)
    expected = adaptive_snorm(files, files, cohort, trials, 5, enrolment_in_cohort=rows)
    for name, value in limits.items():
        monkeypatch.setattr(f"pyannote_ge2e.scoring.statistics.{name}", value)
    monkeypatch.setattr("pyannote_ge2e.scoring.embeddings.BLOCK", 30)
    scores = adaptive_snorm(files, files, cohort, trials, 5, enrolment_in_cohort=rows)
    np.testing.assert_allclose(scores, expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_tensors_are_accepted(dtype):
    tensors = [torch.from_numpy(x).to(dtype) for x in embeddings_of(12, 9, 41)]
    trials = random_trials(12, 9)
    scores = adaptive_snorm(*(x.requires_grad_() for x in tensors), torch.from_numpy(trials), 5)
    assert isinstance(scores, np.ndarray)
    double = dtype == torch.float64
    assert scores.dtype == (np.float64 if double else np.float32)
    expected = adaptive_snorm(*(x.detach().double().numpy() for x in tensors), trials, 5)
    np.testing.assert_allclose(scores, expected, atol=1e-12 if double else 1e-4)


def test_one_array_on_both_sides_is_compared_with_the_cohort_once(monkeypatch):
    from pyannote_ge2e.scoring import normalisation

    files, cohort = embeddings_of(6, 30)
    calls = []

    def counted(unit, *args):
        calls.append(len(unit))
        return compute(unit, *args)

    compute = normalisation.cohort_statistics
    monkeypatch.setattr(normalisation, "cohort_statistics", counted)
    once = adaptive_snorm(files, files, cohort, [[0, 1]], 5)
    adaptive_snorm(files, files[:], cohort, [[0, 1]], 5, enrolment_in_cohort=np.full(6, -1))
    tensor = torch.from_numpy(files)
    adaptive_snorm(tensor, tensor, cohort, [[0, 1]], 5)
    assert calls == [6, 6, 6]
    twice = adaptive_snorm(files, files.copy(), cohort, [[0, 1]], 5)
    assert calls == [6, 6, 6, 6, 6]
    np.testing.assert_array_equal(once, twice)


def test_no_trials_give_no_scores():
    files, cohort = embeddings_of(3, 5)
    assert adaptive_snorm(files, files, cohort, np.empty((0, 2), dtype=int)).shape == (0,)
