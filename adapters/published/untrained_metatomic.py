"""A metatomic model for ``make_untrained.py``; TorchScript wants its names in a module."""

# ruff: noqa: UP006, UP035, UP045  (metatomic takes the names of typing alone)
from typing import Dict, List, Optional

import torch
from metatensor.torch import Labels, TensorBlock, TensorMap
from metatomic.torch import ModelOutput, NeighborListOptions, System


class Gaussians(torch.nn.Module):
    """E = sum over pairs of h_i h_j exp(-r²) (1 - r²/25)³ in eV, r in Å, h random by element."""

    def __init__(self) -> None:
        super().__init__()
        self.options = NeighborListOptions(cutoff=5.0, full_list=False, strict=True)
        self.heights = torch.nn.Parameter(torch.rand(119, dtype=torch.float64))  # [atomic number]

    def requested_neighbor_lists(self) -> List[NeighborListOptions]:
        """One half list of 5 Å."""
        return [self.options]

    def forward(
        self,
        systems: List[System],
        outputs: Dict[str, ModelOutput],
        selected_atoms: Optional[Labels],
    ) -> Dict[str, TensorMap]:
        """The energy of each system."""
        energies: List[torch.Tensor] = []
        for system in systems:
            pairs = system.get_neighbor_list(self.options)
            squares = pairs.values.reshape(-1, 3).pow(2).sum(1)  # [n_pairs], Å²
            heights = self.heights.to(squares.dtype)[system.types.to(torch.long)]  # [n_atoms]
            first = pairs.samples.column("first_atom").to(torch.long)
            second = pairs.samples.column("second_atom").to(torch.long)
            envelope = (1 - squares / 25.0).clamp(min=0.0).pow(3)
            energies.append((heights[first] * heights[second] * torch.exp(-squares) * envelope).sum())
        values = torch.stack(energies).reshape(-1, 1)
        zero = torch.zeros((1, 1), dtype=torch.int32, device=values.device)
        rows = torch.arange(len(systems), dtype=torch.int32, device=values.device).reshape(-1, 1)
        components: List[Labels] = []
        block = TensorBlock(values, Labels(["system"], rows), components, Labels(["energy"], zero))
        return {"energy": TensorMap(Labels(["_"], zero), [block])}
