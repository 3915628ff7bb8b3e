"""Check that a data set is what it says: its files, its images against its parameters, these against the theory."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from triangles.datasets import facts, read_dataset
from triangles.kinds import KINDS
from triangles.rendering import SPLITS, draw_parameters, render, render_plain

__all__ = ["Finding", "anchor_scores", "verify"]

LARGEST_SCORE = 4.5  # |z|; ten fair sets' worst anchor passes this about once in 15,000 data sets
FEWEST_FOR_SCORES = 30  # pictures; with fewer a mean is not near normal
ROUNDING = 1e-12  # of a mean's size
PLAIN_IMAGES = 64  # a split's first images are drawn again one by one, all others in batches


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was looked at, what was found, and what it should be ("" if nothing is expected)."""

    what: str
    found: str
    expected: str = ""


def anchor_scores(kind, parameters):
    """Compare means with a kind's exact anchors: {name: (observed, exact, z)} for parameters (N, ...).

    z is the difference in standard errors. Where the exact standard deviation is not known, the sample's is taken.
    z is 0 where the two are equal but for rounding, as are those of a parameter that the kind fixes.
    """
    scores = {}
    for name, (values_of, exact, sd) in kind.anchors.items():
        values = values_of(parameters)
        error = (sd if sd is not None else values.std(ddof=1)) / sqrt(len(parameters))
        off = values.mean() - exact
        equal = abs(off) <= ROUNDING * max(abs(exact), np.abs(values).max())
        with np.errstate(divide="ignore"):
            scores[name] = (float(values.mean()), exact, 0.0 if equal else float(off / error))
    return scores


def verify(folder):
    """Read a data set and check all of it; return the findings in order.

    Raises:
        ValueError: the first fault.
        OSError: a file is missing or unreadable.
    """
    data = read_dataset(folder)
    kind = KINDS[data.settings.kind]
    findings = [Finding("files", "type, shape, range and checksums hold")]
    for split in SPLITS:
        images, parameters = getattr(data, split), getattr(data, f"parameters_{split}")
        if parameters is None:
            findings += _image_findings(split, images)
            continue
        path = f"{folder}/{kind.parameters}_{split}.npy"
        if not np.array_equal(draw_parameters(data.settings, split), parameters):
            raise ValueError(f"{path} is not what its seed gives; {_mend(data)}")
        findings.append(Finding(f"{split}: {kind.parameters}", f"{len(parameters)} of seed {data.settings.seed}"))
        drawn = _check_images(folder, data, split)
        findings.append(Finding(f"{split}: drawn again", f"{drawn} images, bit for bit"))
        findings += _image_findings(split, images)
        findings += _check_anchors(path, split, kind, parameters)
    return findings


def _check_images(folder, data, split):
    """Draw the images again from their parameters, all where that is quick; return the number drawn."""
    images, parameters = getattr(data, split), getattr(data, f"parameters_{split}")
    again = render_plain(parameters[:PLAIN_IMAGES], data.settings)
    if data.settings.resample is None:
        again = np.concatenate([again, render(parameters[PLAIN_IMAGES:], data.settings)])
    wrong = np.flatnonzero((again != images[: len(again)]).reshape(len(again), -1).any(axis=1))
    if len(wrong):
        what = KINDS[data.settings.kind].parameters
        raise ValueError(
            f"{folder}/{split}.npy: image {wrong[0]} is not what its {what} give ({len(wrong)} differ); {_mend(data)}"
        )
    return len(again)


def _mend(data):
    """Say what to do about a set that is not what it should be."""
    made = data.record.get("versions")
    return f"make the data set again with --replace (it was made with {made})"


def _image_findings(split, images):
    """Sum up a split's images in findings."""
    found = facts(images)
    shares = [
        Finding(f"{split}: {name}", f"{100 * found[key]:.2f}%")
        for name, key in (
            ("gray pixels", "gray"),
            ("clearly gray", "clearly_gray"),
            ("mid gray", "mid_gray"),
            ("covered" if images.ndim == 3 else "mean brightness", "covered"),
        )
        if images.ndim == 3 or key == "covered"  # gray is a colour like any other
    ]
    return [*shares, Finding(f"{split}: empty images", str(found["empty"]))]


def _check_anchors(path, split, kind, parameters):
    """Compare parameters with the kind's exact anchors; refuse what differs too far."""
    if not kind.anchors:
        return []
    if len(parameters) < FEWEST_FOR_SCORES:
        return [Finding(f"{split}: exact anchors", f"not compared: fewer than {FEWEST_FOR_SCORES} pictures")]
    findings = []
    for name, (observed, exact, z) in anchor_scores(kind, parameters).items():
        if not abs(z) < LARGEST_SCORE:
            where = f"{path}: {name} is {observed:.5f}, {z:+.1f} standard errors from {exact:.5f}"
            raise ValueError(f"{where}; these were not drawn as they should be: make the data set again")
        findings.append(Finding(f"{split}: {name}", f"{observed:.5f} (z {z:+.2f})", f"{exact:.5f}"))
    return findings
