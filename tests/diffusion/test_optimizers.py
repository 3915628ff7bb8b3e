import pytest
import torch

from diffusion.networks.thesis_unet import ThesisUNet
from diffusion.optimizers import OPTIMIZERS
from diffusion.optimizers.muon import ConvolutionMuon, orthogonalised
from diffusion.settings import TrainSettings


@pytest.mark.parametrize("shape", [(16, 72), (64, 16), (128, 2048)])
def test_orthogonalised_keeps_the_singular_vectors_and_evens_the_values(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    U, _, V = torch.linalg.svd(matrix, full_matrices=False)
    rotated = U.T @ orthogonalised([matrix])[0] @ V.T
    values = rotated.diagonal()
    assert (rotated - values.diag()).abs().max() < 1e-3
    assert values.min() > 0.6
    assert values.max() < 1.3


def plain(matrix):
    X = matrix / matrix.norm()
    for _ in range(5):
        A = X @ X.T
        X = 3.4445 * X - 4.7750 * A @ X + 2.0315 * A @ A @ X
    return X


def test_orthogonalised_is_the_plain_iteration_on_each_matrix_of_a_mixed_bag():
    source = torch.Generator().manual_seed(1)
    shapes = [(12, 40), (7, 7), (40, 12), (12, 90), (3, 50)]
    matrices = [torch.randn(shape, generator=source, dtype=torch.float64) for shape in shapes]
    for matrix, result in zip(matrices, orthogonalised(matrices), strict=True):
        torch.testing.assert_close(result, plain(matrix), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_muon_takes_a_step_along_the_orthogonalised_kernel_in_any_layout(layout):
    source = torch.Generator().manual_seed(2)
    start, gradient = torch.randn(2, 6, 4, 3, 3, generator=source, dtype=torch.float64)
    kernel = torch.nn.Parameter(start.clone().contiguous(memory_format=layout))
    kernel.grad = gradient.clone().contiguous(memory_format=layout)
    ConvolutionMuon([kernel], lr=0.1, momentum=0.95).step()
    # the first momentum is 0.05 of the gradient, and no length counts
    expected = start - 0.1 * plain(gradient.flatten(1)).view_as(start)
    torch.testing.assert_close(kernel.detach(), expected, rtol=1e-5, atol=1e-6)


def test_every_parameter_has_one_optimizer():
    network = ThesisUNet(1, TrainSettings(widths=(4, 8, 16), full_skip=True))
    for kind, groups in (("adam", 1), ("muon", 2)):
        optimizers = OPTIMIZERS[kind](network, 1e-3)
        held = [id(p) for o in optimizers for group in o.param_groups for p in group["params"]]
        assert len(optimizers) == groups
        assert sorted(held) == sorted(id(p) for p in network.parameters())
