"""Entry points of torch.hub: `torch.hub.load("<owner>/<repository>", "ge2e")`."""

dependencies = ["lightning", "pyannote.audio", "soundfile", "torch", "torchaudio"]

from pyannote_ge2e.hub import (  # noqa: E402 -- torch.hub reads the line above without us
    dvector,
    ge2e,
    ge2e_mel,
    harryvolek,
    resemblyzer,
)

__all__ = ["dvector", "ge2e", "ge2e_mel", "harryvolek", "resemblyzer"]
