from pathlib import Path

import numpy as np
import pytest

from demonstration.album import write_album
from demonstration.rendering import Pcm, render


@pytest.fixture(scope="session")
def piece() -> Pcm:
    """The whole piece: rendered once, because it takes seconds."""
    return np.concatenate(list(render(1)))


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_album(tmp_path_factory.mktemp("album"), seed=1)
