"""Results on the screen and in files, whatever the command."""

import io
import json
import sys

import pytest

from bsct_zoo.cli.output import write
from bsct_zoo.errors import BadInputError
from bsct_zoo.report.layout import Layout


class Report:
    """Two numbers, one of a name outside of ASCII."""

    def to_json(self):
        return {"schema": 1, "Å": 2.0}


def test_a_file_that_cannot_be_written_does_not_cost_the_other(tmp_path, capsys):
    (lost := tmp_path / "figures.csv").mkdir()
    with pytest.raises(BadInputError, match=r"cannot write .*figures\.csv: .*; choose another"):
        write(Report(), [], lambda report: "a,b\n", str(tmp_path / "whole.json"), lost)
    assert json.loads((tmp_path / "whole.json").read_text()) == Report().to_json()
    assert capsys.readouterr().out == ""


def test_json_on_standard_output_stands_alone_and_fits_any_encoding(capsys):
    write(Report(), [], lambda report: "", "-", None)
    said = capsys.readouterr().out
    assert said.isascii() and json.loads(said) == Report().to_json()


def test_a_pipe_that_nobody_reads_does_not_cost_the_file(tmp_path, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises((BrokenPipeError, SystemExit)):
        write(Report(), [Layout("title", ["model"])], lambda report: "a,b\n", "-", tmp_path / "figures.csv")
    with pytest.raises((BrokenPipeError, SystemExit)):
        write(Report(), [Layout("title", ["model"])], lambda report: "", str(tmp_path / "whole.json"), None)
    assert (tmp_path / "figures.csv").read_text() == "a,b\n"
    assert json.loads((tmp_path / "whole.json").read_text()) == Report().to_json()
