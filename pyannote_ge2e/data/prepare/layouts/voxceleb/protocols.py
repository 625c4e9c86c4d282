"""The protocols that can be made of the parts of VoxCeleb that are there."""

from __future__ import annotations

from collections.abc import Mapping

from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials, ProtocolPlan, SubsetPlan

__all__ = ["voxceleb_protocols"]

_FIRST = ("vox1_dev", "vox1_test")


def voxceleb_protocols(corpus: Corpus, trials: Mapping[str, GivenTrials]) -> None:
    """Declare the protocols of VoxCeleb, each with the subsets that can be.

    `VoxCeleb1` trains on VoxCeleb1's dev part and tests on its test part; `VoxCeleb1_X` keeps some
    of the training speakers for development; `VoxCeleb2` trains on VoxCeleb2's dev part, with its
    test part for development, and tests on VoxCeleb1's test part. Other lists of trials than
    Vox1-O get protocols of their own, such as `VoxCeleb1_H_cleaned`, that train on VoxCeleb2.

    Parameters
    ----------
    corpus : Corpus
        With the groups of `PARTS`. Its protocols and notes are added to.
    trials : mapping of str to GivenTrials
        As `read_voxceleb_trials` returns them.
    """
    groups = {recording.group for recording in corpus.recordings}
    test = _test(corpus, groups, trials)
    second = {"train": ("vox2_dev",), "development": ("vox2_test",)}
    if groups.intersection(_FIRST):
        first = _some({"train": ("vox1_dev",)}, groups)
        corpus.protocols.append(ProtocolPlan("VoxCeleb1", {**first, **test}))
    if "vox1_dev" in groups:
        both = {"train": ("vox1_dev",), "development": ("vox1_dev",)}
        corpus.protocols.append(
            ProtocolPlan("VoxCeleb1_X", {**_some(both, groups), **test}, ("train", "development"))
        )
    if groups - set(_FIRST):
        corpus.protocols.append(ProtocolPlan("VoxCeleb2", {**_some(second, groups), **test}))
    for key, given in trials.items():
        if key == "O":
            continue
        its = {"test": SubsetPlan(_groups_of(corpus, given, key), given)}
        if "vox1_dev" not in its["test"].groups and "vox2_dev" not in groups:
            its = {**_some({"train": ("vox1_dev",)}, groups), **its}
        corpus.protocols.append(ProtocolPlan(f"VoxCeleb1_{key}", {**_some(second, groups), **its}))


def _some(wanted: Mapping[str, tuple[str, ...]], groups: set[str]) -> dict[str, SubsetPlan]:
    """Return the subsets whose groups are there."""
    return {
        subset: SubsetPlan(its, None if subset == "train" else "make")
        for subset, its in wanted.items()
        if groups.issuperset(its)
    }


def _test(
    corpus: Corpus, groups: set[str], trials: Mapping[str, GivenTrials]
) -> dict[str, SubsetPlan]:
    """Return the test subset of VoxCeleb1, if it is there, and say what its trials are."""
    if "vox1_test" not in groups:
        return {}
    for key in ("O", "O_cleaned"):
        if key in trials:
            if key != "O":
                corpus.notes.append(
                    "VoxCeleb1's test trials are those of Vox1-O (cleaned), for want of Vox1-O "
                    "(veri_test.txt)."
                )
            return {"test": SubsetPlan(("vox1_test",), trials[key])}
    corpus.notes.append(
        "No list of Vox1-O was given (veri_test.txt): test trials were drawn at random, and "
        "figures are not those of Vox1-O."
    )
    return {"test": SubsetPlan(("vox1_test",), "make")}


def _groups_of(corpus: Corpus, given: GivenTrials, key: str) -> tuple[str, ...]:
    """Return the parts that a list of trials compares."""
    uris = {*given.first, *given.second}
    named = {recording.group for recording in corpus.recordings if recording.uri in uris}
    if key in ("E", "E_cleaned", "H", "H_cleaned"):  # of all of VoxCeleb1
        named |= {recording.group for recording in corpus.recordings}.intersection(_FIRST)
    return tuple(sorted(named))
