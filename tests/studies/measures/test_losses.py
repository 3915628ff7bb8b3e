import numpy as np
import pytest

from studies.measures.rulers.likelihood import loss_by_logsnr, white_data_floor


def test_bins_hold_their_own_samples():
    mean, error, count = loss_by_logsnr([-1, 0, 0.5, 1, 2, 9], [9, 1, 3, 5, 5, 9], [0, 1, 2, 3, 4])
    assert mean[:3].tolist() == [2, 5, 5]
    assert np.isnan(mean[3])
    assert count.tolist() == [2, 1, 1, 0]
    assert error[0] == pytest.approx(1)  # sd sqrt(2) over sqrt(2)
    assert np.isnan(error[1:]).all()


@pytest.mark.parametrize(
    ("logsnr", "error", "edges", "message"),
    [
        ([0.0], [1.0, 2.0], [0, 1], "shape"),
        ([np.inf], [1.0], [0, 1], "infinity"),
        ([0.0], [1.0], [1, 0], "ascend"),
        ([0.0], [1.0], [1], "two"),
    ],
)
def test_bins_refuse(logsnr, error, edges, message):
    with pytest.raises(ValueError, match=message):
        loss_by_logsnr(logsnr, error, edges)


def test_no_samples_give_empty_bins():
    assert loss_by_logsnr([], [], [0, 1, 2])[2].tolist() == [0, 0]


@pytest.mark.parametrize("abar", [0.02, 0.4, 0.95])
@pytest.mark.parametrize("variance", [0.25, 1.0, 3.0])
def test_floor_is_what_the_best_linear_prediction_reaches(abar, variance):
    rng = np.random.default_rng(0)
    x0, eps = 0.7 + np.sqrt(variance) * rng.normal(size=200_000), rng.normal(size=200_000)
    x_t = np.sqrt(abar) * x0 + np.sqrt(1 - abar) * eps
    slope, offset = np.polyfit(x_t, eps, 1)
    assert np.mean((eps - slope * x_t - offset) ** 2) == pytest.approx(white_data_floor(abar, variance), rel=0.02)


def test_floor_at_the_ends():
    assert white_data_floor([0, 1]).tolist() == [0, 1]
    with pytest.raises(ValueError, match="abar"):
        white_data_floor([0.5, np.nan])
    with pytest.raises(ValueError, match="variance"):
        white_data_floor(0.5, -1)
    assert white_data_floor([[0.5], [1]], [0, 1]).tolist() == [[0, 0.5], [0, 1]]  # a pixel that never varies is known
