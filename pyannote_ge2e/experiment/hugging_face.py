"""Models of the Hugging Face hub: where it cannot be reached, that is said at once.

huggingface_hub asks seven times before it gives up, waits up to a minute for each answer, and ever
longer between them. No option of its downloads makes that less.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from pyannote.audio import Model
from pyannote.audio.utils.hf_hub import AssetFileName

__all__ = ["from_hugging_face"]

_FILE = AssetFileName.Model.value


def from_hugging_face(name: str) -> Model | None:
    """Load a model of the hub: from what was downloaded earlier where that is the newest.

    Parameters
    ----------
    name : str
        `owner/name`.

    Returns
    -------
    model : Model
        None where pyannote.audio has none.

    Raises
    ------
    ConnectionError
        If it was never downloaded, and the hub must not be asked or does not answer once, within
        ten seconds or what the environment variable HF_HUB_ETAG_TIMEOUT says.
    Exception
        Whatever pyannote.audio and huggingface_hub make of it.
    """
    if not isinstance(try_to_load_from_cache(name, _FILE), str):
        _check_reached(name)
    return Model.from_pretrained(name)


def _check_reached(name: str) -> None:
    url = hf_hub_url(name, _FILE)
    try:
        get_hf_file_metadata(url)
    except HfHubHTTPError:
        return  # It answers: what is wrong shows when the model is asked for.
    except OfflineModeIsEnabled as error:
        raise ConnectionError(
            "it was not downloaded before, and HF_HUB_OFFLINE forbids it now. Unset that, or give "
            "a file of weights."
        ) from error
    except Exception as error:  # its releases ask through requests, httpx or httpx2
        raise ConnectionError(
            f"{urlsplit(url).netloc} cannot be reached ({error}), and it was not downloaded "
            "before. Check the connection, or give a file of weights."
        ) from error
