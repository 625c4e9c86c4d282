from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import lightning.pytorch, pytorch_lightning
from pyannote_ge2e.experiment.quiet import quiet
for module in (lightning.pytorch, pytorch_lightning):
    with quiet():
        module.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
"""


def test_lightning_keeps_quiet_under_both_of_its_names() -> None:
    # In an interpreter of its own: pytest takes the place of Lightning's handlers.
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
