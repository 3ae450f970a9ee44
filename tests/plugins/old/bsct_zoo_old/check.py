from bsct_zoo.checks import Check, Column

from bsct_zoo import hookimpl

CHECK = Check(
    name="old-check",
    summary="the time step that it is told, and its negative",
    units={"step": "fs", "negative": "fs"},
    function="bsct_zoo_old.check_run:check_step",
    columns=(Column("step", "step", "step", "highest"), Column("size", "size", "negative", "largest size")),
    headline=("size",),
)


@hookimpl
def register_checks() -> list[Check]:
    return [CHECK]
