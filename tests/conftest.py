import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # helpers that several folders share


@pytest.fixture(scope="session", autouse=True)
def folders(own_folders):
    """No test touches the user's own cache and data."""


@pytest.fixture(scope="session")
def make_venv(tmp_path_factory):
    """A function that makes a virtual environment, without pip, that sees the packages of this one.

    It returns a function that runs a command there: ``run("bsct-zoo", "plugins", cwd=..., UV_FIND_LINKS=...)``.
    """
    from bsct_zoo.runtime.uv_tool import find_uv

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        subprocess.run([find_uv(), "venv", "--quiet", "--python", sys.executable, "venv"], cwd=folder, check=True)
        bin_ = folder / "venv" / "bin"
        (site,) = folder.glob("venv/lib/python*/site-packages")
        (site / "host.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        script = bin_ / "bsct-zoo"
        script.write_text(f"#!{bin_ / 'python'}\nfrom bsct_zoo.cli.main import main\nmain()\n")
        script.chmod(0o755)
        path = os.pathsep.join([str(bin_), str(Path(find_uv()).parent), os.environ["PATH"]])

        def run(*command, cwd=folder, **environ):
            return subprocess.run(
                command,
                cwd=cwd,
                env=os.environ | {"PATH": path, "COLUMNS": "160"} | environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )

        run.site = site
        return run

    return make
