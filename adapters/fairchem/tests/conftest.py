"""Small models of fairchem-core with random weights, as its own trainer would leave them."""

import pytest

REFERENCES = {"omol": {1: -13.6, 6: -1029.1, 7: -1485.3, 8: -2042.6}, "omat": {1: -1.1, 6: -9.2, 8: -4.9, 14: -5.4}}


def build(**changed):
    """A UMA of two tasks and four experts as an inference checkpoint, its two weight sets random and different."""
    import hydra
    import torch
    from fairchem.core.units.mlip_unit.api.inference import MLIPInferenceCheckpoint

    tasks = list(REFERENCES)
    backbone = {
        "model": "fairchem.core.models.uma.escn_moe.eSCNMDMoeBackbone",
        "max_num_elements": 20,
        "sphere_channels": 16,
        "lmax": 2,
        "mmax": 2,
        "otf_graph": True,
        "max_neighbors": 300,
        "cutoff": 4.5,
        "edge_channels": 16,
        "num_distance_basis": 16,
        "num_layers": 2,
        "hidden_channels": 16,
        "direct_forces": False,
        "regress_forces": True,
        "regress_stress": True,
        "act_type": "gate",
        "ff_type": "spectral",
        "chg_spin_emb_type": "rand_emb",
        "dataset_mapping": {name: name for name in tasks},
        "always_use_pbc": False,
        "num_experts": 4,
        "use_composition_embedding": True,
        **changed,
    }
    heads = {
        "efs": {
            "module": "fairchem.core.models.uma.escn_moe.DatasetSpecificSingleHeadWrapper",
            "dataset_names": tasks,
            "head_cls": "fairchem.core.models.uma.escn_md.MLP_EFS_Head",
            "head_kwargs": {"wrap_property": False},
        }
    }
    config = {
        "_target_": "fairchem.core.models.base.HydraModel",
        "backbone": backbone,
        "heads": heads,
        "pass_through_head_outputs": True,
        "model_id": "UMA-S-1.2.1",
    }
    torch.manual_seed(7)
    model = hydra.utils.instantiate(config)
    weights = {
        name: value + 0.1 * torch.randn_like(value) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    averaged = {f"module.{name}": value for name, value in model.state_dict().items()}
    return MLIPInferenceCheckpoint(
        model_config=config,
        model_state_dict=weights,
        ema_state_dict={"n_averaged": torch.tensor(3), **averaged},
        tasks_config=[task(name, quantity) for name in tasks for quantity in ("energy", "forces")],
    )


def task(name, quantity):
    level, shape = {"energy": ("system", [1]), "forces": ("atom", [3])}[quantity]
    table = [REFERENCES[name].get(z, 0.0) for z in range(20)]
    return {
        "_target_": "fairchem.core.units.mlip_unit.mlip_unit.Task",
        "name": f"{name}_{quantity}",
        "level": level,
        "property": quantity,
        "out_spec": {
            "_target_": "fairchem.core.units.mlip_unit.mlip_unit.OutputSpec",
            "dim": shape,
            "dtype": "float32",
        },
        "normalizer": {
            "_target_": "fairchem.core.modules.normalization.normalizer.Normalizer",
            "mean": 0.0,
            "rmsd": 1.7,
        },
        "datasets": [name],
        "element_references": None
        if quantity != "energy"
        else {
            "_target_": "fairchem.core.modules.normalization.element_references.ElementReferences",
            "element_references": {"_target_": "torch.DoubleTensor", "_args_": [table]},
        },
    }


def build_allscaip():
    """An AllScAIP with gradient forces and random weights as an inference checkpoint of the task omol."""
    import hydra
    import torch
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
    return build


@pytest.fixture(scope="session")
def references():
    """Reference energies in eV by task and atomic number."""
    return REFERENCES


@pytest.fixture(scope="session")
def uma_file(tmp_path_factory):
    """A user's file."""
    import torch

    path = tmp_path_factory.mktemp("uma") / "inference_ckpt.pt"
    torch.save(build(), path)
    return path
