import pytest
import torch

from diffusion import unet
from diffusion.optimizers import build, orthogonalised


@pytest.mark.parametrize("shape", [(16, 72), (64, 16), (128, 2048)])
def test_orthogonalised_keeps_the_singular_vectors_and_evens_the_values(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    U, _, V = torch.linalg.svd(matrix, full_matrices=False)
    rotated = U.T @ orthogonalised(matrix) @ V.T
    values = rotated.diagonal()
    assert (rotated - values.diag()).abs().max() < 1e-3
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_orthogonalised_is_the_plain_iteration():
    matrix = torch.randn(12, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    X = matrix / matrix.norm()
    for _ in range(5):
        A = X @ X.T
        X = 3.4445 * X - 4.7750 * A @ X + 2.0315 * A @ A @ X
    torch.testing.assert_close(orthogonalised(matrix), X, rtol=1e-5, atol=1e-6)


def test_every_parameter_has_one_optimizer():
    network = unet.build("thesis", 1, (4, 8, 16), full_skip=True)
    for kind, groups in (("adam", 1), ("muon", 2)):
        optimizers = build(kind, network, 1e-3)
        held = [id(p) for o in optimizers for group in o.param_groups for p in group["params"]]
        assert len(optimizers) == groups
        assert sorted(held) == sorted(id(p) for p in network.parameters())
