"""``bsct-zoo check``: test a model against the promises of the interface."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bsct_zoo.conformance.finding import Finding
    from bsct_zoo.conformance.process import CheckProcess


def check(
    model: options.Model,
    only: Annotated[list[str] | None, options.choose("--only", help="Test only this property; repeatable.")] = None,
    elements: Annotated[
        str | None, options.choose("--elements", help="Test these elements, e.g. 'H,C,Cu'; default: those of the card.")
    ] = None,
    device: options.Device = "auto",
    dtype: options.DtypeOption = options.Dtype.float64,
    yes: options.Yes = False,
    trust: options.Trust = False,
    json: options.JsonFile = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    timeout: Annotated[
        float, options.advanced("--timeout", min=1, help="Timeout for one property, in seconds.")
    ] = 600.0,
) -> int:
    """Test what a model promises: shapes, units, symmetries, gradients, batches, memory, and more.

    Exit code: 0 all passed, 1 a property failed or the model does not load, 2 bad input.
    """
    from bsct_zoo.cli import output
    from bsct_zoo.cli.output import write_json
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.conformance.process import CheckProcess
    from bsct_zoo.conformance.properties import chosen
    from bsct_zoo.report.conformance_tables import document, draw_findings
    from bsct_zoo.report.listing import console

    names = chosen(part for text in only or [] for part in text.split(","))
    numbers = None if elements is None else _elements(elements)
    output.check_targets(json, None, False)
    [spec] = resolve_models([model], trust=trust, yes=yes, quiet=quiet)
    with CheckProcess(
        spec.adapter,
        spec.card,
        device=device,
        dtype=dtype.value,
        options=dict(spec.options),
        elements=numbers,
        timeout=timeout,
        on_event=None if quiet else partial(print, file=sys.stderr),
    ) as process:
        findings = list(_findings(process, names, quiet))
    if json != "-":
        draw_findings(spec, process, findings, console())
    if json is not None:
        write_json(json, document(spec, process, findings))
    return int(any(finding.status == "failed" for finding in findings))


def _findings(process: CheckProcess, names: Sequence[str], quiet: bool) -> Iterator[Finding]:
    from bsct_zoo.report.bars import with_bar

    for name, line in with_bar(names, quiet):
        finding = process.try_property(name)
        line(f"{name}: {finding.status}, {finding.seconds:.1f} s")
        yield finding


def _elements(text: str) -> frozenset[int]:
    from ase.data import atomic_numbers

    from bsct_zoo.errors import BadInputError

    symbols = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [symbol for symbol in symbols if atomic_numbers.get(symbol, 0) < 1]
    if unknown or not symbols:
        raise BadInputError(
            f"--elements takes chemical symbols, e.g. 'H,C,Cu', not '{unknown[0] if unknown else text}'"
        )
    return frozenset(atomic_numbers[symbol] for symbol in symbols)
