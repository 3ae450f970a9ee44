"""The faults: each the wrong thing that somebody did once, with the property that must find it."""

from bsct_zoo_faulty.faults import batches, declared, derivatives, digits, kept, space, units
from bsct_zoo_faulty.faults.fatal import FATAL
from bsct_zoo_faulty.faults.registry import FAULTS

__all__ = ["FATAL", "FAULTS", "batches", "declared", "derivatives", "digits", "kept", "space", "units"]
