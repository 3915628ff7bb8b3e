"""Shapes that are nearly triangles: what a measure of triangles has to refuse.

Each function draws polygons in the unit square, float64 (count, corners, 2). Lengths are in sides of the square.
"""

import numpy as np

from triangles import geometry

__all__ = ["bend", "convex_polygons", "cut_corner", "draw_cut", "draw_rounded", "draw_triangles", "round_corners"]

ARC = 9  # points of each rounded corner
INSIDE = np.nextafter(1, 0)  # the largest number below 1: vertices lie in [0, 1)


def draw_triangles(rng, count):
    """Draw the real ones: three uniform points each."""
    return geometry.random_vertices(count, rng)


def convex_polygons(rng, count, corners):
    """Draw uniform points until `corners` of them stand in convex position, in order around their centre.

    Four points do so with probability 25/36 (Sylvester's problem in a square), five with 49/144.
    """
    found = []
    while len(found) < count:
        points = rng.random((corners, 2))
        x, y = (points - points.mean(axis=0)).T
        points = points[np.argsort(np.arctan2(y, x))]
        if (_turns(points) > 0).all():
            found.append(points)
    return np.array(found)


def _turns(points):
    """Return the cross product of each side with the next one, positive for a turn to the left: (corners,)."""
    side = np.roll(points, -1, axis=0) - points
    after = np.roll(side, -1, axis=0)
    return side[:, 0] * after[:, 1] - side[:, 1] * after[:, 0]


def draw_rounded(rng, count, radius):
    """Draw triangles with corners rounded to `radius`, of those that hold a circle of that size."""
    found = []
    while len(found) < count:
        vertices = geometry.random_vertices(1, rng)[0]
        if 2 * geometry.area(vertices) / geometry.perimeter(vertices) > radius:
            found.append(round_corners(vertices, radius))
    return np.array(found)


def round_corners(vertices, radius):
    """Round a triangle's corners: (3, 2) -> (3 * ARC, 2), all that a disk of that radius reaches from inside.

    The area shrinks by radius^2 (P^2 / 4A - pi), for perimeter P and area A.
    """
    if _turns(vertices)[0] < 0:
        vertices = vertices[::-1]
    across = np.linalg.norm(np.roll(vertices, -1, axis=0) - np.roll(vertices, -2, axis=0), axis=1)
    centre = across @ vertices / across.sum()  # of the inscribed circle
    inscribed = 2 * geometry.area(vertices) / across.sum()
    inner = centre + (1 - radius / inscribed) * (vertices - centre)
    side = np.roll(inner, -1, axis=0) - inner
    normal = np.arctan2(-side[:, 0], side[:, 1])  # the outward one of a polygon that turns left
    points = []
    for corner, before, after in zip(inner, np.roll(normal, 1), normal, strict=True):
        angle = before + np.linspace(0, (after - before) % (2 * np.pi), ARC)
        points.append(corner + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(points)


def draw_cut(rng, count, share):
    """Draw triangles with a corner cut off; see `cut_corner`."""
    return cut_corner(geometry.random_vertices(count, rng), share)


def cut_corner(vertices, share):
    """Cut that share of the area off one corner, parallel to the side across: (N, 3, 2) -> (N, 4, 2)."""
    a, b, c = np.moveaxis(vertices, 1, 0)
    along = np.sqrt(share)
    return np.stack([a + along * (b - a), b, c, a + along * (c - a)], axis=1)


def bend(rng, vertices, amplitude):
    """Bend the edges: each one's middle moves across it, by a normal deviate of that size: (N, 3, 2) -> (N, 6, 2)."""
    side = np.roll(vertices, -1, axis=1) - vertices
    across = np.stack([side[..., 1], -side[..., 0]], axis=-1)
    length = np.linalg.norm(across, axis=-1, keepdims=True)
    across = np.divide(across, length, out=np.zeros_like(across), where=length > 0)
    middle = vertices + side / 2 + across * rng.normal(0, amplitude, (*vertices.shape[:2], 1))
    bent = np.stack([vertices, middle], axis=2).reshape(len(vertices), 6, 2)
    return bent.clip(0, INSIDE)
