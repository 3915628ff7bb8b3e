"""Is a data set what it says it is? Its files, its images against its vertices, its vertices against the theory."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from triangles import geometry
from triangles.datasets import facts, read_dataset, render, render_plain
from triangles.geometry import SPLITS, draw_vertices

__all__ = ["Finding", "anchor_scores", "verify"]

LARGEST_SCORE = 4.5  # |z|; ten fair sets' worst anchor passes this about once in 15,000 data sets
FEWEST_FOR_SCORES = 30  # triangles; with fewer a mean is not near normal
PLAIN_IMAGES = 64  # a split's first images are drawn again one by one, all others in batches


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was looked at, what was found, and what it should be ("" where nothing is due)."""

    what: str
    found: str
    expected: str = ""


def anchor_scores(vertices):
    """Sampling errors against the exact anchors: {name: (observed, exact, z)} for vertices (N, 3, 2)."""
    area, n = geometry.area(vertices), len(vertices)
    samples = {
        "mean area": (area, geometry.MEAN_AREA, geometry.SD_AREA),
        "mean squared area": (area**2, geometry.MEAN_SQUARED_AREA, None),
        "mean perimeter": (geometry.perimeter(vertices), geometry.MEAN_PERIMETER, None),
        "obtuse share": (geometry.is_obtuse(vertices), *_binary(geometry.PROBABILITY_OBTUSE)),
        "centre covered": (
            geometry.contains(vertices, (0.5, 0.5)),
            *_binary(geometry.PROBABILITY_CENTRE_COVERED),
        ),
    }
    scores = {}
    for name, (values, exact, sd) in samples.items():
        error = (sd if sd is not None else values.std(ddof=1)) / sqrt(n)
        scores[name] = (float(values.mean()), exact, float((values.mean() - exact) / error))
    return scores


def _binary(probability):
    return probability, sqrt(probability * (1 - probability))


def verify(folder):
    """Read a data set and check all of it; the findings in order. Raises ValueError or OSError at the first fault."""
    data = read_dataset(folder)
    findings = [Finding("files", "type, shape, range and checksums hold")]
    for split in SPLITS:
        images, vertices = getattr(data, split), getattr(data, f"vertices_{split}")
        _check_vertices(folder, data, split, vertices)
        findings.append(Finding(f"{split}: vertices", f"{len(vertices)} of seed {data.settings.seed}"))
        drawn = _check_images(folder, data, split)
        findings.append(Finding(f"{split}: drawn again", f"{drawn} images, bit for bit"))
        findings += _image_findings(split, images)
        findings += _check_anchors(folder, split, vertices)
    return findings


def _check_vertices(folder, data, split, vertices):
    if not np.array_equal(draw_vertices(data.settings, split), vertices):
        raise ValueError(f"{folder}/vertices_{split}.npy is not what its seed gives; {_mend(data)}")


def _check_images(folder, data, split):
    """Draw the images again from their vertices, all where that is quick; the number drawn."""
    images, vertices = getattr(data, split), getattr(data, f"vertices_{split}")
    again = render_plain(vertices[:PLAIN_IMAGES], data.settings)
    if data.settings.resample is None:
        again = np.concatenate([again, render(vertices[PLAIN_IMAGES:], data.settings)])
    wrong = np.flatnonzero((again != images[: len(again)]).any(axis=(1, 2)))
    if len(wrong):
        raise ValueError(
            f"{folder}/{split}.npy: image {wrong[0]} is not what its vertices give ({len(wrong)} differ); {_mend(data)}"
        )
    return len(again)


def _mend(data):
    made = data.record.get("versions")
    return f"make the data set again with --replace (it was made with {made})"


def _image_findings(split, images):
    found = facts(images)
    shares = [
        Finding(f"{split}: {name}", f"{100 * found[key]:.2f}%")
        for name, key in (
            ("gray pixels", "gray"),
            ("clearly gray", "clearly_gray"),
            ("mid gray", "mid_gray"),
            ("covered", "covered"),
        )
    ]
    return [*shares, Finding(f"{split}: empty images", str(found["empty"]))]


def _check_anchors(folder, split, vertices):
    if len(vertices) < FEWEST_FOR_SCORES:
        return [Finding(f"{split}: exact anchors", f"not compared: fewer than {FEWEST_FOR_SCORES} triangles")]
    findings = []
    for name, (observed, exact, z) in anchor_scores(vertices).items():
        if abs(z) >= LARGEST_SCORE:
            where = (
                f"{folder}/vertices_{split}.npy: {name} is {observed:.5f}, {z:+.1f} standard errors from {exact:.5f}"
            )
            raise ValueError(f"{where}; these are no uniform triangles, make the data set again")
        findings.append(Finding(f"{split}: {name}", f"{observed:.5f} (z {z:+.2f})", f"{exact:.5f}"))
    return findings
