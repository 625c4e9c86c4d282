"""What a user should know before training, said once."""

from __future__ import annotations

import logging

from lightning.pytorch.utilities import rank_zero_only

logger = logging.getLogger(__name__)


@rank_zero_only
def warn(remark: str) -> None:
    """Log a remark, from the first process only."""
    logger.warning(remark)
