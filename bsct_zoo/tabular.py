"""Tables as data frames of pandas, which is not installed with bsct-zoo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bsct_zoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd


def data_frame(rows: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A data frame of rows, or of columns.

    Raises:
        BadInputError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise BadInputError("to_pandas needs pandas; install it with: pip install pandas") from error
    return pd.DataFrame(rows)
