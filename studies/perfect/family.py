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
    slow: bool = setting(False, "allow sizes above 16 px, where each x_t takes seconds")

    def check_size(self, size: int) -> None:
        """Check that all triangles of this size can be known, before anything is made.

        Raises:
            ValueError: there are too many, or too many without `slow`; the message says how long it would take.
        """
        from triangles.exact.canvas import ENUMERABLE, check_summable, find_seconds

        check_summable(size)
        if size > ENUMERABLE and not self.slow:
            raise ValueError(
                f"at {size} px the perfect family takes about {find_seconds(size):.1f} s for each x_t, as many as an "
                f"image has steps: give --slow (in a study slow: true) to allow that, or at most {ENUMERABLE} px a side"
            )


PERFECT = Family(
    settings="studies.perfect.family:PerfectSettings",
    learner="studies.perfect.learner:PerfectLearner",
    **PARTS | {"model": "studies.perfect.learner:PerfectModel", "capabilities": PARTS["capabilities"] | {"floor"}},
)
