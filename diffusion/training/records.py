"""What is told of an epoch of training, and how training fails."""

from dataclasses import dataclass, fields

__all__ = ["DivergedError", "EpochRecord"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of training.

    train_mean, train_min, train_max, test_mean: the loss that the family reports, over batches and over the test images
    (nan without any). For the diffusion family it is L_simple, the mean squared error of the predicted noise [Ho et al.
    2020, eq. 14]; whatever the network predicts, its output is read as noise, so recipes can be compared. means: of the
    family's other losses, such as the objective that was minimised. seconds, test_seconds: training and testing;
    loading_seconds: of the training, for fetching images and drawing time steps and noise (on a GPU, the CPU's part).
    """

    epoch: int
    train_mean: float
    train_min: float
    train_max: float
    test_mean: float
    means: dict[str, float]
    seconds: float
    test_seconds: float
    loading_seconds: float

    @property
    def row(self) -> dict[str, float]:
        """The record as a row of losses.csv: `means` as columns NAME_mean in their place."""
        row = {}
        for one in fields(self):
            value = getattr(self, one.name)
            row |= {f"{name}_mean": mean for name, mean in value.items()} if one.name == "means" else {one.name: value}
        return row

    @classmethod
    def of(cls, row: dict[str, float]) -> "EpochRecord":
        """Read such a row.

        Raises:
            KeyError, TypeError: a column is missing or is none of a record's.
        """
        own = {one.name for one in fields(cls)} - {"means"}
        more = {name: value for name, value in row.items() if name not in own}
        if any(not name.endswith("_mean") for name in more):
            raise KeyError(f"records hold {', '.join(more)}")
        means = {name.removesuffix("_mean"): value for name, value in more.items()}
        return cls(**{name: row[name] for name in own}, means=means)


class DivergedError(ArithmeticError):
    """A loss or a weight stopped being finite."""
