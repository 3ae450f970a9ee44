"""What is known of a model before it is loaded: cards, environments, adapters. Imports nothing heavy."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bsct_zoo.potentials.potential import Potential

OptionValue = str | int | float | bool
Dtype = Literal["float32", "float64"]


@dataclass(frozen=True)
class CalculatorSpec:
    """How an ASE calculator is made.

    Attributes:
        path: of its class or factory: "package.module.Class", also "package.module.Class.classmethod".
        arguments: for it: numbers, text, lists, or tables ``{call = "package.function", arguments = {...}}`` for what
            must be made first. "{device}", "{dtype}", "{torch_device}", "{torch_dtype}", "{weights}" (the folder of
            downloaded weights) and "{file}" (a user's own weights) stand for what they say; a table
            ``{float32 = ..., float64 = ...}`` for its value at the precision asked for.
        method: of what ``path`` makes, called without arguments for the calculator; empty if it is one already.
        variables: environment variables that must be set before its package is imported.
        substitutes: modules that stand for others, such as ``{torch_scatter = "torch_geometric.utils"}``; a table in
            place of a name is a module of these values.
        torchsim: of a TorchSim ``ModelInterface`` of the same model, made in the same way; empty if there is none.
        torchsim_arguments: for that.
        conservative: whether its forces are the gradient of its energy.
        periodic_only: it takes periodic systems only.
        cutoff: in Å; None if unknown.
        place: where its package looks for a file that it cannot be given, below the folders of its downloads, such as
            "home/.local/share/weights.pt"; a user's own file is copied there.
    """

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    substitutes: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    torchsim: str = ""
    torchsim_arguments: Mapping[str, Any] = field(default_factory=dict)
    conservative: bool = True
    periodic_only: bool = False
    cutoff: float | None = None
    place: str = ""


@dataclass(frozen=True)
class ModelCard:
    """One set of weights (or one parametrisation) of a model family.

    Attributes:
        name: unique within its adapter, e.g. "small".
        title: one line for people.
        level_of_theory: what the energies imitate, e.g. "GFN2-xTB".
        licence: of the weights, SPDX where possible.
        source: where the weights come from: an address, or the command that made them.
        elements: chemical symbols it knows; empty if it takes any.
        states: total charges in e and multiplicities 2S+1 that it was trained on, in pairs; empty if it takes neither,
            or if nobody says.
        checkpoint: absolute path of the weights file; None if they come with the model's own package, or are to be
            fetched first (``url``).
        sha256: of that file; None if there is no file, if the file is a user's own, or if nobody could say it.
        executes_code: the format can run code when read (pickles, TorchScript archives, whole models). Such a file
            is read only if its sha256 is on a card of an installed plugin, or with ``--trust``; a loader reads it
            through ``checkpoints.read_trusted`` or ``checkpoints.trusted_copy``, which check the very bytes.
        url: where ``bsct-zoo models fetch`` gets the file from (https, http with a sha256, or file); empty if there is
            nothing to fetch. With a ``fetcher`` of the adapter's own it may be any address for people.
        size: of that file in bytes; None if unknown.
        parameters: how many numbers were trained; None if unknown.
        packages: importable packages of this interpreter that make the numbers, beyond the adapter's requirements.
        citation: how to cite it.
        notes: facts worth reading: training data, errors, seed.
        calculator: the ASE calculator that the model is; None if an adapter's own code computes.
        calculator_of_file: the same with a user's own file in place of these weights; None if it takes none.
    """

    name: str
    title: str
    level_of_theory: str
    licence: str
    source: str
    elements: tuple[str, ...] = ()
    states: tuple[tuple[int, int], ...] = ()
    checkpoint: str | None = None
    sha256: str | None = None
    executes_code: bool = False
    url: str = ""
    size: int | None = None
    parameters: int | None = None
    packages: tuple[str, ...] = ()
    citation: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    calculator: CalculatorSpec | None = None
    calculator_of_file: CalculatorSpec | None = None

    def to_json(self) -> str:
        """As JSON, to send it to a worker."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> ModelCard:
        """Inverse of ``to_json``."""
        data = json.loads(text)
        for name in ("elements", "packages"):
            data[name] = tuple(data[name])
        data["states"] = tuple((charge, multiplicity) for charge, multiplicity in data["states"])
        for name in ("calculator", "calculator_of_file"):
            if data[name] is not None:
                data[name] = CalculatorSpec(**data[name])
        return ModelCard(**data)


@dataclass(frozen=True)
class EnvironmentSpec:
    """What an interpreter must have for a model to be loaded in it.

    Attributes:
        requirements: PEP 508 strings, e.g. ("mace-torch>=0.3.16",); empty if the core's own packages do.
        overrides: PEP 508 strings that replace what packages ask for (uv's ``--override``).
        python: PEP 440 specifier of the Python version.
        build_constraints: PEP 508 strings for what packages without a wheel are built with, e.g. ("setuptools<81",).
    """

    requirements: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    python: str = ">=3.11"
    build_constraints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Needs:
    """What one value of an option needs.

    Attributes:
        requirements: PEP 508 strings beyond the environment of the adapter.
        cuda: it computes on a GPU of NVIDIA alone.
    """

    requirements: tuple[str, ...] = ()
    cuda: bool = False


@dataclass(frozen=True)
class Option:
    """A setting that a model or a task takes after ``@``, as in ``xtb@electronic_temperature=3000``.

    Attributes:
        name: what a user types.
        type: of its value.
        default: value where the user says nothing.
        help: one line for people.
        aliases: other names for it, such as an old spelling.
        choices: texts that it may be; any if empty.
        minimum: of a number.
        needs: what some of its values need, by value.
    """

    name: str
    type: type[str] | type[int] | type[float] | type[bool]
    default: OptionValue
    help: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    needs: Mapping[str, Needs] = field(default_factory=dict)


@dataclass(frozen=True)
class Adapter:
    """One model family. A light object: the code that it names is imported when a model is loaded.

    Attributes:
        name: what a user types, e.g. "mace".
        summary: one line for tables.
        loader: "module:function"; called as ``function(card, device, dtype, **options) -> Potential`` in an
            interpreter that meets ``environment``.
        cards: the models that it knows; the first is the default.
        environment: what the loader needs.
        aliases: other names for it.
        options: settings that the loader takes as keyword arguments.
        file_card: "module:function" called as ``function(path) -> ModelCard`` for ``name:path``; it must import
            nothing heavy, must not read formats that execute code, and raises BadInputError with the mend.
            None if the family takes no files.
        fetcher: "module:function", called as ``function(card, folder) -> path`` in an interpreter that meets
            ``environment``, for families whose hub wants its own client and a token. It leaves the file inside
            ``folder``, others beside it if need be, and returns its path; what it prints goes to the log. None if
            ``card.url`` is all that it takes.
        fetcher_variables: names of environment variables that ``fetcher`` alone gets, such as that of a token.
        trainer: "module:function", called as ``function(job: TrainingJob, tell) -> Trained`` (``bsct_zoo.training``) in
            an interpreter that meets ``environment`` and ``training_requirements``; None if it cannot be trained.
        training_requirements: PEP 508 strings that training needs beyond ``environment``.
        free_options: options beyond ``options`` are passed on as they are, as numbers, truth values or text.
        citation: how to cite the family.
        calculator: "module:function", called as ``loader`` is: the package's own ASE calculator as a potential, for
            ``bench --calculator``. None if there is none beside what ``loader`` makes.
        trains_stress: ``trainer`` learns the stress of frames that have one.
        trains_charge: ``trainer`` tells frames of other charges and multiplicities apart. Else it gets those of the
            commonest alone.
    """

    name: str
    summary: str
    loader: str
    cards: tuple[ModelCard, ...]
    environment: EnvironmentSpec = EnvironmentSpec()
    aliases: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    file_card: str | None = None
    fetcher: str | None = None
    fetcher_variables: tuple[str, ...] = ()
    trainer: str | None = None
    training_requirements: tuple[str, ...] = ()
    free_options: bool = False
    citation: str = ""
    trains_stress: bool = False
    trains_charge: bool = False
    calculator: str | None = None

    def load(self, card: ModelCard, device: str, dtype: Dtype, /, **options: OptionValue) -> Potential:
        """Load ``card`` in this interpreter (which must meet ``environment``)."""
        potential: Potential = import_path(self.loader)(card, device, dtype, **options)
        return potential


def states_text(states: Iterable[tuple[int, int]]) -> str:
    """Charges and multiplicities in words, such as "charge -1, multiplicity 1; charge 0, multiplicity 1 or 2"."""
    spins: dict[int, list[str]] = {}
    for charge, spin in sorted(states):
        spins.setdefault(charge, []).append(str(spin))
    return "; ".join(f"charge {charge}, multiplicity {' or '.join(own)}" for charge, own in spins.items())


def import_path(path: str) -> Any:
    """The object that "module:name" stands for."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
