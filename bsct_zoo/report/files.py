"""Tables as Markdown, and results as CSV."""

from __future__ import annotations

from bsct_zoo.evaluation.results import Results
from bsct_zoo.report.layout import Layout, superscript
from bsct_zoo.report.plain import PlainCsv, marked_down


def markdown(layout: Layout) -> str:
    """A table in Markdown, best cells bold, footnotes below."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(marked_down(cell).replace("|", "\\|") for cell in cells) + " |"

    lines = [f"**{marked_down(layout.title)}**", "", line(layout.headers)]
    lines.append(line(["---", *["---:"] * (len(layout.headers) - 1)]))
    lines += [line([f"**{cell.text}**" if cell.best else cell.text for cell in row]) for row in layout.rows]
    lines += [f"\n{superscript(number)} {marked_down(note)}" for number, note in enumerate(layout.footnotes, start=1)]
    lines += [f"\n{marked_down(remark.replace('* best', 'bold: best'))}" for remark in layout.remarks]
    return "\n".join(lines) + "\n"


_ABOUT = (
    *("model", "card", "task", "item", "group", "seed", "charge", "multiplicity", "status", "message", "seconds"),
    *("n_items", "n_failed", "level_of_theory", "checkpoint_sha256", "device", "dtype", "versions"),
    *("task_sha256", "task_level_of_theory", "bsct_zoo"),
)


def csv_text(results: Results) -> str:
    """One line for each model under each task (``item`` is empty), and one for each record; units as in JSON."""
    writer = PlainCsv()
    names = list(dict.fromkeys(name for task in results.tasks for c in task.columns for name in (c.name, c.of)))
    writer.writerow([*_ABOUT, *names])
    for task in results.tasks:
        for row, evaluation in results.rows_under(task):
            versions = " ".join(f"{name}={version}" for name, version in evaluation.versions.items())
            about = [row.level_of_theory, row.checkpoint_sha256, evaluation.device, evaluation.dtype, versions]
            about += [task.sha256, task.level_of_theory, results.bsct_zoo]
            counts = [round(evaluation.seconds, 3), len(evaluation.records), evaluation.n_failed]
            status = [evaluation.status, evaluation.message]
            values = [evaluation.values.get(name) for name in names]
            writer.writerow([row.model, row.card, task.name, *[""] * 5, *status, *counts, *about, *values])
            for record in evaluation.records:
                item = [record.id, record.group, record.seed, record.charge, record.multiplicity]
                metrics = [record.metrics.get(name) for name in names]
                first = [row.model, row.card, task.name, *item, record.status, record.message]
                writer.writerow([*first, "", "", "", *about, *metrics])
    return writer.text


_QUANTITY = ("model", "card", "item", "status", "message", "kind", "name", "value", "unit", "reference", "error")


def quantities_csv(results: Results) -> str:
    """One line for each quantity; a record without any has a line with its message."""
    writer = PlainCsv()
    writer.writerow([*_QUANTITY, "remark", "level_of_theory", "checkpoint_sha256", "reference_model", "bsct_zoo"])
    reference = results.reference.model if results.reference else ""
    for row in results.rows:
        about = [row.level_of_theory, row.checkpoint_sha256, reference, results.bsct_zoo]
        for evaluation in row.evaluations.values():
            if not evaluation.records:
                writer.writerow([row.model, row.card, "", evaluation.status, evaluation.message, *[""] * 7, *about])
            for record in evaluation.records:
                first = [row.model, row.card, record.id, record.status, "; ".join([record.message, *record.notes])]
                if not record.quantities:
                    writer.writerow([*first, *[""] * 7, *about])
                for q in record.quantities:
                    numbers = [q.kind, q.name, q.value, q.unit, q.reference, q.error, q.message]
                    writer.writerow([*first, *numbers, *about])
    return writer.text
