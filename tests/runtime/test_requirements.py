import sys
import tomllib
from pathlib import Path

import pytest

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import EnvironmentSpec
from bsct_zoo.runtime.pip_settings import parse_pip_config, uv_environment
from bsct_zoo.runtime.requirements import BASE, installed, unmet, versions


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Pretend that a distribution is installed."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def pretend(name, version, *requires, direct_url=None):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (folder / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {line}" for line in requires), ""]))
        if direct_url:
            (folder / "direct_url.json").write_text(direct_url)

    return pretend


def test_the_base_is_part_of_the_core():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(BASE) <= set(project["dependencies"])


def test_nothing_wanted_nothing_missing():
    assert unmet(EnvironmentSpec()) == []
    assert unmet(EnvironmentSpec(("torch", "numpy>=1.26", "ase"))) == []


def test_absent_wrong_and_right_versions(install):
    install("model-a", "1.5+cpu")
    assert unmet(EnvironmentSpec(("model-a==1.5", "Model_A>=1"))) == []
    assert unmet(EnvironmentSpec(("model-a>=2",))) == ["model-a>=2 (1.5+cpu is installed)"]
    assert unmet(EnvironmentSpec(("model-b",))) == ["model-b (not installed)"]


def test_a_python_that_does_not_fit():
    (line,) = unmet(EnvironmentSpec(python=">=3.99"))
    assert line.startswith("Python >=3.99 (this is 3.")


def test_markers_and_extras(install):
    install("model-a", "1.0", "model-b>=2; extra == 'more'", "model-c; python_version < '3'")
    assert unmet(EnvironmentSpec(("model-a", "model-z; sys_platform == 'plan9'"))) == []
    assert unmet(EnvironmentSpec(("model-a[more]",))) == ["model-b>=2, which model-a wants (not installed)"]


def test_broken_pins_below_count_unless_overridden(install):
    install("mace-like", "0.3.16", "e3like==0.4.4", "torch>=1.12")
    install("e3like", "0.5.6", "deeper>1")
    install("deeper", "1.0", "mace-like")
    found = unmet(EnvironmentSpec(("mace-like",)))
    assert found == [
        "e3like==0.4.4, which mace-like wants (0.5.6 is installed)",
        "deeper>1, which e3like wants (1.0 is installed)",
    ]
    assert unmet(EnvironmentSpec(("mace-like",), ("e3like>=0.5", "deeper"))) == []
    assert unmet(EnvironmentSpec(("mace-like",), ("e3like; sys_platform == 'plan9'",))) == []


def test_direct_addresses(install):
    install(
        "model-a",
        "1.0",
        direct_url='{"url": "https://x.org/a", "vcs_info": {"vcs": "git", "requested_revision": "v1"}}',
    )
    assert unmet(EnvironmentSpec(("model-a @ git+https://x.org/a@v1",))) == []
    assert len(unmet(EnvironmentSpec(("model-a @ git+https://x.org/a@v2",)))) == 1


@pytest.mark.parametrize("spec", [EnvironmentSpec(("not a requirement!",)), EnvironmentSpec(python="three")])
def test_nonsense_is_the_plugins_fault(spec):
    with pytest.raises(BadInputError):
        unmet(spec)


def test_versions_are_those_that_decide_the_numbers(install):
    install("mace-like", "0.3.16", "e3like==0.4.4")
    install("e3like", "0.4.4", "deeper")
    install("deeper", "1.0")
    found = versions(EnvironmentSpec(("mace-like",)), installed)
    assert found["mace-like"] == "0.3.16" and found["e3like"] == "0.4.4" and "deeper" not in found
    assert {"torch", "numpy", "ase"} <= set(found)


# -- pip's settings ----------------------------------------------------------------------------------------


@pytest.fixture
def pip_says(monkeypatch, tmp_path):
    def say(text):
        monkeypatch.setattr("bsct_zoo.runtime.pip_settings._pip_config", lambda: parse_pip_config(text))

    return say


def test_pip_config_is_carried_over(pip_says, tmp_path):
    pip_says(
        "global.index-url='https://mirror/simple'\n"
        "global.extra-index-url='file:///a/simple\\nfile:///b/simple'\n"
        "global.find-links='/wheels other'\n"
        "install.find-links='/wheels https://x/y'\n"
        ":env:.cert='/ignored'\n"
        "a warning without sense\n"
    )
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    carried, flags = uv_environment({**home, "PIP_CONSTRAINT": "/c.txt", "PIP_CERT": "/cert.pem", "PIP_NO_INDEX": "1"})
    assert carried == {
        "UV_DEFAULT_INDEX": "https://mirror/simple",
        "UV_EXTRA_INDEX_URL": "file:///a/simple file:///b/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,https://x/y",
        "UV_CONSTRAINT": "/c.txt",
        "SSL_CERT_FILE": "/cert.pem",
    }
    assert flags == ["--no-index"]


def test_what_uv_was_told_stays(pip_says, tmp_path):
    pip_says("global.index-url='https://mirror/simple'\nglobal.find-links='/wheels'\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "UV_INDEX_URL": "https://mine", "UV_FIND_LINKS": "/mine"}
    assert uv_environment(environ) == ({}, [])
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text("")
    assert uv_environment({"XDG_CONFIG_HOME": str(tmp_path)}) == ({}, [])


def test_no_pip_is_no_trouble(monkeypatch, tmp_path):
    from bsct_zoo.runtime import pip_settings

    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    pip_settings._pip_config.cache_clear()
    assert uv_environment({"XDG_CONFIG_HOME": str(tmp_path)}) == ({}, [])
    pip_settings._pip_config.cache_clear()
