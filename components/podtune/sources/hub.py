"""A repository on the Hugging Face Hub, at one commit, as a source.

huggingface_hub says where everything is (HF_ENDPOINT) and who asks (HF_TOKEN). It no longer continues downloads
of an earlier process and checks sizes only, so files come through our own download, checked against the Hub's sums.
"""

import contextlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from huggingface_hub import HfApi, errors, hf_hub_url
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, yet not in __all__

from podtune.errors import BadInput, PodtuneError, TryAgainLater, is_passing
from podtune.sources.cache import through_cache
from podtune.sources.checksums import Sum
from podtune.sources.download import download
from podtune.sources.uris import without_secrets
from podtune.stores.retrying import persistently

_SECONDS = 30


class HubSource:
    """The files of hf://owner/name or hf://datasets/owner/name, or below a folder of it, at a commit."""

    def __init__(self, uri: str, revision: str) -> None:
        self.uri = uri.rstrip("/")
        parts = self.uri[len("hf://") :].split("/")
        self._type = "dataset" if parts[0] == "datasets" else "model"
        parts = parts[1:] if self._type == "dataset" else parts
        self._repository = "/".join(parts[:2])
        self._folder = "".join(f"{part}/" for part in parts[2:])
        self._revision = revision
        self._files: Optional[Dict[str, Any]] = None

    def names(self) -> List[str]:
        """The files directly in the repository or folder, sorted."""
        below = (path[len(self._folder) :] for path in self._list() if path.startswith(self._folder))
        return sorted(name for name in below if "/" not in name)

    def has(self, name: str) -> bool:
        """Whether the repository or folder has a file of this name."""
        return self._folder + name in self._list()

    def listed(self, prefix: str) -> List[str]:
        """List all files whose name starts so."""
        start = self._folder + prefix
        return sorted(path[len(self._folder) :] for path in self._list() if path.startswith(start))

    def bring(self, name: str, target: Path, expected: Optional[Sum]) -> None:
        """Download one file and compare it with the Hub's sum and the expected one."""
        path, shown = self._folder + name, f"{self.uri}/{name}"
        entry = self._list().get(path)
        if entry is None:
            raise BadInput(f"there is no {name} in {self.uri} at revision {self._revision}")
        repository = {"repo_type": self._type, "revision": self._revision, "endpoint": HfApi().endpoint}
        url = hf_hub_url(self._repository, path, **repository)
        pinned = f"{self.uri}@{self._revision}/{name}"
        through_cache(pinned, target, _sum(entry), lambda copy: download(url, copy, shown, build_hf_headers()))
        if expected:
            expected.check(target, shown)

    def _list(self) -> Dict[str, Any]:
        """The Hub's metadata of each file, by path; requested once."""
        if self._files is None:
            self._files = persistently(self._ask)
        return self._files

    def _ask(self) -> Dict[str, Any]:
        with self._explaining():
            info = HfApi().dataset_info if self._type == "dataset" else HfApi().model_info
            found = info(self._repository, revision=self._revision, files_metadata=True, timeout=_SECONDS)
        if found.sha != self._revision:
            raise BadInput(f"the Hub has {self.uri} at {found.sha}, not at revision {self._revision}")
        return {entry.rfilename: entry for entry in found.siblings or []}

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except errors.OfflineModeIsEnabled as error:
            raise BadInput(f"cannot read {self.uri}: HF_HUB_OFFLINE forbids it; unset it") from error
        except errors.HFValidationError as error:
            raise BadInput(f"cannot read {self.uri}: {' '.join(str(error).split())}") from error
        except errors.HfHubHTTPError as error:
            raise self._refusal(error) from error
        except errors.HTTPError as error:  # type: ignore[attr-defined]  # of its HTTP library, whichever that is
            reason = " ".join(str(error).split()) or type(error).__name__
            where = without_secrets(HfApi().endpoint)
            remedy = "check HF_ENDPOINT, or try again later"
            raise TryAgainLater(f"cannot read {self.uri} from {where}: {reason}; {remedy}") from error

    def _refusal(self, error: errors.HfHubHTTPError) -> PodtuneError:
        status = error.response.status_code
        if isinstance(error, errors.GatedRepoError):
            return BadInput(f"{self.uri} is gated; accept its terms on the Hub and set HF_TOKEN")
        if isinstance(error, errors.RevisionNotFoundError):
            return BadInput(f"{self.uri} has no revision {self._revision}; correct it")
        if isinstance(error, errors.RepositoryNotFoundError) or status == 404:
            return BadInput(f"there is no {self.uri} on the Hub, or it is private; correct it or set HF_TOKEN")
        if is_passing(status):
            return TryAgainLater(f"cannot read {self.uri}: the Hub answers {status}; try again later")
        return BadInput(f"cannot read {self.uri}: the Hub answers {status}; check HF_TOKEN and HF_ENDPOINT")


def _sum(entry: Any) -> Optional[Sum]:
    """A large file's SHA-256, or a small one's Git id; None where a mirror says neither."""
    if entry.lfs is not None:
        return Sum(entry.lfs.sha256, "the Hub")
    return Sum(entry.blob_id, "the Hub", "Git id") if entry.blob_id else None
