"""The family "perfect", without torch: it knows every triangle of its size.

Nothing is learnt, and its loss is the least that is possible.
"""

from diffusion.denoising.perfect import PARTS, FiniteSettings
from diffusion.family import Family
from diffusion.settings import setting

__all__ = ["PERFECT", "PerfectSettings"]


class PerfectSettings(FiniteSettings):
    """Settings of the perfect denoiser of all triangles."""

    family: str = setting("perfect", "what kind of generative model; it decides which options there are")

    def check_size(self, size: int) -> None:
        """Check that all triangles of this size can be known, before anything is made.

        Raises:
            ValueError: there are too many; the message says how long it would take.
        """
        from triangles.exact.every import check_summable

        check_summable(size)


PERFECT = Family(
    settings="studies.perfect.family:PerfectSettings",
    learner="studies.perfect.learner:PerfectLearner",
    **PARTS | {"model": "studies.perfect.learner:PerfectModel", "capabilities": PARTS["capabilities"] | {"floor"}},
)
