"""Small models of fairchem-core with random weights, as its own trainer would leave them."""

import pytest


def build_allscaip():
    """An AllScAIP with gradient forces and random weights as an inference checkpoint of the task omol."""
    import hydra
    import torch
    from bsct_zoo_fairchem.untrained import task
    from fairchem.core.units.mlip_unit.api.inference import MLIPInferenceCheckpoint

    module = "fairchem.core.models.allscaip.AllScAIP"
    backbone = {
        "model": f"{module}.AllScAIPBackbone",
        "regress_forces": True,
        "direct_forces": False,
        "hidden_size": 32,
        "num_layers": 2,
        "use_compile": True,  # as they are trained; neither is for batches of different sizes
        "use_padding": True,
        "max_num_elements": 20,
        "max_atoms": 64,
        "max_batch_size": 8,
        "max_radius": 5.0,
        "knn_k": 12,
        "knn_pad_size": 24,
        "atten_name": "math",
        "atten_num_heads": 2,
        "freequency_list": [8, 4, 4],
    }
    config = {
        "_target_": "fairchem.core.models.base.HydraModel",
        "backbone": backbone,
        "heads": {
            "efs": {
                "module": "fairchem.core.models.uma.escn_moe.DatasetSpecificSingleHeadWrapper",
                "dataset_names": ["omol"],
                "head_cls": f"{module}.AllScAIPGradientEnergyForceStressHead",
                "head_kwargs": {"wrap_property": False},
            }
        },
        "pass_through_head_outputs": True,
    }
    torch.manual_seed(11)
    weights = hydra.utils.instantiate(config).state_dict()
    return MLIPInferenceCheckpoint(
        model_config=config,
        model_state_dict=weights,
        ema_state_dict={"n_averaged": torch.tensor(1), **{f"module.{name}": value for name, value in weights.items()}},
        tasks_config=[task("omol", quantity) for quantity in ("energy", "forces")],
    )


@pytest.fixture(scope="session")
def allscaip_file(tmp_path_factory):
    """A user's AllScAIP."""
    import torch

    path = tmp_path_factory.mktemp("allscaip") / "inference_ckpt.pt"
    torch.save(build_allscaip(), path)
    return path


@pytest.fixture(scope="session")
def uma():
    """Builds a small UMA; keyword arguments are settings of its backbone."""
    from bsct_zoo_fairchem.untrained import build

    return build


@pytest.fixture(scope="session")
def references():
    """Reference energies in eV by task and atomic number."""
    from bsct_zoo_fairchem.untrained import REFERENCES

    return REFERENCES


@pytest.fixture(scope="session")
def uma_file(tmp_path_factory):
    """A user's file."""
    import torch
    from bsct_zoo_fairchem.untrained import build

    path = tmp_path_factory.mktemp("uma") / "inference_ckpt.pt"
    torch.save(build(), path)
    return path
