"""A scale for a GPU is not begun without one by mistake."""

import subprocess
import sys

__all__ = ["DEVICES", "refuse_without_card"]

DEVICES = ("auto", "cuda", "mps", "cpu")
FOUND = "import sys, torch; sys.exit(0 if torch.cuda.is_available() or torch.backends.mps.is_available() else 1)"


def refuse_without_card(plan, device: str, cores: int) -> None:
    """End with exit code 2 where a scale asks for a GPU and this machine has none, unless the user names the CPU.

    What it would take is estimated from some steps, which takes a minute or two at full widths.
    """
    if not plan.scale.gpus or device != "auto":
        return
    if subprocess.run([sys.executable, "-c", FOUND], check=False, capture_output=True).returncode == 0:
        return
    print(
        f"scale {plan.scale_name} is for a GPU, and torch finds none here; measuring what it would take without, a "
        "minute or two ...",
        file=sys.stderr,
        flush=True,
    )
    told = subprocess.run(
        f"studies estimate --cores {cores} {plan.flags}", shell=True, capture_output=True, text=True, check=False
    )
    hours = told.stdout.strip() if told.returncode == 0 else "how long it takes could not be estimated"
    print(
        f"snakemake: error: scale {plan.scale_name} is for a GPU, and torch finds none here ({hours}): take a machine "
        "with one, or go on with --config device=cpu",
        file=sys.stderr,
    )
    sys.exit(2)
