"""The pages of a leaderboard: an index, a page for each suite or task, a page for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bsct_zoo import __version__
from bsct_zoo.evaluation.results import Results
from bsct_zoo.report.leaderboard.boards import Board, Run, boards, slug
from bsct_zoo.report.page.document import asset, document
from bsct_zoo.report.page.packing import packed_json
from bsct_zoo.report.page.summary import summary
from bsct_zoo.report.page.verdict import verdict

# In this order: each may use what stands above it.
_SCRIPTS = (
    *(("page", name) for name in ("unpack", "text", "dom", "palette", "table", "overview")),
    *(("leaderboard", name) for name in ("filters", "ranking", "history", "board")),
)
_MODEL = ("level_of_theory", "licence", "elements", "conservative", "parameters", "checkpoint_sha256", "facts", "named")


def site(files: Sequence[tuple[str, Results]], left_out: Sequence[str] = ()) -> dict[str, str]:
    """Every page by its path below the folder of the site.

    Args:
        files: name and results of each.
        left_out: what was not taken, a line each.
    """
    made = boards(files)
    summaries = [_summary(board) for board in made]
    runs = [run for board in made for run in board.runs]
    dates = sorted(run.results.date for run in runs)
    common = {
        "written_by": __version__,
        "left_out": list(left_out),
        "n_files": len(files),
        "last": dates[-1] if dates else "",
    }
    pages = {"index.html": _page("Leaderboard", "index", "", {**common, "boards": summaries})}
    for board, about in zip(made, summaries, strict=True):
        pages[f"suite/{board.slug}.html"] = _page(
            board.task.name, "suite", "../", {**common, "boards": [about], "runs": list(map(_run, board.runs))}
        )
    for key in dict.fromkeys(run.key for run in runs):
        own = [
            {**about, "runs": [_run(run) for run in board.runs if run.key == key]}
            for board, about in zip(made, summaries, strict=True)
            if any(run.key == key for run in board.runs)
        ]
        pages[f"model/{slug(*key)}.html"] = _page(key[0], "model", "../", {**common, "boards": own, "slug": slug(*key)})
    return pages


def _page(title: str, kind: str, root: str, data: Mapping[str, Any]) -> str:
    body = asset("leaderboard", "body.html").replace("ROOT", root)
    return document(f"{title} – bsct-zoo", _SCRIPTS, {"data": packed_json({**data, "kind": kind, "root": root})}, body)


def _summary(board: Board) -> dict[str, Any]:
    """What the report says of the last runs, without records but for the worst one."""
    about = summary(board.results())
    (task,) = about["tasks"]
    for model, run in zip(about["models"], board.last, strict=True):
        evaluation = model["evaluations"][task["name"]]
        records = evaluation.pop("records")
        del evaluation["metrics"]
        evaluation["answered"] = sum(record["status"] != "failed" for record in records)
        model |= {"slug": slug(*run.key), "date": run.results.date, "file": run.file}
    said = verdict(_whole(board.results()))
    facts = {"slug": board.slug, "verdict": said, "reference": about["reference"]}
    return {**facts, "task": task, "models": about["models"]}


def _whole(results: Results) -> Results:
    """Models that answered everything, as only these have a rank; all where there is none."""
    (task,) = results.tasks
    whole = [row for row, one in results.rows_under(task) if len(one.records) == task.n_items and not one.n_failed]
    return msgspec.structs.replace(results, rows=tuple(whole)) if whole else results


def _run(run: Run) -> dict[str, Any]:
    (evaluation,) = run.row.evaluations.values()
    machine = run.results.machine
    return {
        "model": run.row.model,
        "slug": slug(*run.key),
        "file": run.file,
        "date": run.results.date,
        "bsct_zoo": run.results.bsct_zoo,
        "machine": ", ".join(str(machine[key]) for key in ("processor", "gpu") if key in machine),
        "device": f"{evaluation.device}, {evaluation.dtype}",
        "versions": dict(evaluation.versions),
        "checkpoint_sha256": run.row.checkpoint_sha256,
        "status": evaluation.status,
        "answered": len(evaluation.records) - evaluation.n_failed,
        "values": dict(evaluation.values),
    }
