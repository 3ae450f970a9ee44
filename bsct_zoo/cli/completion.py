"""What a shell may complete."""

from __future__ import annotations


def models(incomplete: str) -> list[str]:
    """Model names."""
    from bsct_zoo.models.naming import complete_models

    return complete_models(incomplete)


def trainable(incomplete: str) -> list[str]:
    """Families that have a trainer."""
    from bsct_zoo.plugins.registry import registry

    return [name for name, adapter in registry().adapters.items() if adapter.trainer and name.startswith(incomplete)]


def suites(incomplete: str) -> list[str]:
    """Suite names."""
    from bsct_zoo.suites.library import suite_names

    return [name for name in suite_names() if name.startswith(incomplete)]


def metrics(incomplete: str) -> list[str]:
    """Metric names."""
    from bsct_zoo.metrics.catalogue import METRICS

    return [name for name in METRICS if name.startswith(incomplete)]
