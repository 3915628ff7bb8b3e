import numpy as np
import pytest
from scipy import ndimage

from studies.measures.rulers import noise
from triangles.fits.distances import distance_to_polygon
from triangles.kinds.polygons import draw

BIG = np.array([[0.1, 0.15], [0.9, 0.3], [0.4, 0.92]])


def blurred(sigma, size=64, finer=16):
    """A triangle blurred by `sigma` px and averaged over each pixel, float (1, size, size)."""
    fine = draw(BIG, size * finer) / 255
    fine = ndimage.gaussian_filter(fine, sigma * finer) if sigma else fine
    return fine.reshape(1, size, finer, size, finer).mean(axis=(2, 4))


def test_gray_is_counted_after_rounding_to_8_bits():
    image = np.zeros((1, 10, 10))
    image[0, 0, :5] = [1, 0.001, 1 / 255, 8 / 255, 0.5]
    gray, clearly = noise.gray_shares(image)
    assert gray[0] == pytest.approx(0.03)
    assert clearly[0] == pytest.approx(0.01)


def test_distance_is_signed_and_in_pixels():
    right = np.array([[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75]]])
    distance = distance_to_polygon(right, 16)[0]  # legs on the lines x = 4 and y = 4 px
    assert distance[8, 0] == pytest.approx(3.5)
    assert distance[5, 5] == pytest.approx(-1.5)
    assert distance[0, 0] == pytest.approx(3.5 * np.sqrt(2))
    assert distance[13, 13] == pytest.approx(11 / np.sqrt(2))  # the hypotenuse is x + y = 16 px
    assert np.array_equal(distance_to_polygon(right[:, ::-1], 16)[0], distance)


def test_background_counts_what_lies_off_the_fit():
    image = np.zeros((2, 32, 32))
    image[:, :2] = 0.25
    corner = np.array([[0.1, 0.9], [0.9, 0.9], [0.5, 0.4]])
    vertices = np.stack([corner, np.full((3, 2), np.nan)])
    image[0, 0, 0] = 1.0
    residual, haze, inside = noise.background(image, distance_to_polygon(vertices, 32))
    far = (distance_to_polygon(vertices, 32)[0] > 2).sum()
    assert residual[0] == pytest.approx(np.sqrt((1 + 63 * 0.25**2) / far))
    near = (
        6  # pixels of the canvas within 2 px of the piece of ink in its corner: 3 + 2 + 1, of which 5 in the gray rows
    )
    assert haze[0] == pytest.approx(np.sqrt((64 - 5) * 0.25**2 / (far - near)))
    assert inside[0] == pytest.approx(1)
    assert residual[1] == haze[1] == pytest.approx(np.sqrt(64 * 0.25**2 / 1024))
    assert np.isnan(inside[1])


@pytest.mark.parametrize("sigma", [0.5, 0.75, 1.0, 1.5])
def test_edge_width_of_a_known_blur(sigma):
    truth = 2.563 * np.sqrt(sigma**2 + 1 / 12)  # a Gaussian's 10-90% distance; averaging over a pixel adds 1/12
    assert noise.edge_widths(blurred(sigma))[0] == pytest.approx(truth, rel=0.1)


def test_edge_width_of_sharp_and_of_edgeless_images():
    upright = np.repeat([1.0, 0.0], 16)[None, None].repeat(32, axis=1)
    assert noise.edge_widths(upright)[0] == pytest.approx(0.8)  # 1 and 0 on centres that lie 1 px apart
    assert 0.5 < noise.edge_widths(draw(BIG, 64)[None] / 255)[0] <= 0.8
    assert np.isnan(noise.edge_widths(np.stack([np.zeros((8, 8)), np.ones((8, 8))]))).all()
    assert np.isnan(noise.edge_widths(np.ones((1, 1, 1)))).all()


def test_components_are_eight_connected():
    ink = np.zeros((3, 8, 8), bool)
    ink[1, [1, 2, 5], [1, 2, 5]] = True
    ink[2] = True
    assert noise.components(ink).tolist() == [0, 2, 1]
