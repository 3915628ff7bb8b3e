"""Pictures that were not drawn here: imported ones, of which no geometry is known."""

from triangles.kinds.kind import Kind

__all__ = ["IMAGES", "Images"]


class Images(Kind):
    """Images as they were found; `triangles import` makes sets of them. They have no parameters and no fitter."""

    drawn = False
    parameters = None
    shape = ()

    def draw(self, rng, count):
        """Refuse: there is nothing to draw."""
        raise ValueError("pictures of kind 'images' are not drawn: import a folder of them with `triangles import`")


IMAGES = Images()
