"""Say what was done to how many imported pictures."""

__all__ = ["tell"]


def tell(folder, record):
    """Return the lines that tell of an imported set; record: of `write_imported`, None where it was there already."""
    if record is None:
        return [f"this data set is there already: {folder}"]
    settings, source = record["settings"], record["source"]
    shown = "gray" if record["channels"] == 1 else "in colour"
    lines = [
        f"data set written to {folder} ({settings['count']} training and {settings['test_count']} test images, "
        f"{shown}, {settings['size']} px)"
    ]
    if source["done"]:
        lines.append("pictures: " + ", ".join(f"{count} {what}" for what, count in sorted(source["done"].items())))
    if 0 < source["in_colour"] < source["pictures"] and settings["colour"] is None:
        some = ", ".join(source["first_in_colour"])
        lines.append(
            f"{source['in_colour']} of {source['pictures']} are in colour ({some}), so all were given three channels: "
            "--gray (in a study: colour: false) keeps one"
        )
    if source["left_out"]:
        lines.append("left out: " + ", ".join(f"{count} {what}" for what, count in sorted(source["left_out"].items())))
    return [*lines, *(f"  broken: {one}" for one in source["broken"])]
