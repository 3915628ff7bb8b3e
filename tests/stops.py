"""What is stopped at a random moment, and what a run's weights are."""

import re
import signal
import time

from diffusion.checkpoints import read_tensors

CODES = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
WORDS = {signal.SIGTERM: "stopped by SIGTERM", signal.SIGINT: "interrupted"}
RUN_FILES = [".files.json", ".lock", "checkpoint.safetensors", "losses.csv", "model.safetensors", "run.json"]


def weights(path):
    """What a safetensors file holds."""
    tensors, metadata = read_tensors(path)
    return metadata, {name: value.numpy().tobytes() for name, value in tensors.items()}


def stop(command, number, rng, longest):
    """Send the signal after a random while, and check how the command ends; whether it was still under way."""
    time.sleep(float(rng.uniform(0, longest)))
    code, said = command.send(number).ended()
    assert "Traceback" not in said, said
    if code == 0:
        return False
    assert code == CODES[number] or (number != signal.SIGKILL and code == -number), said
    if code == CODES[number] and number in WORDS:
        (line,) = re.findall(rf"^(?:diffusion|studies): {WORDS[number]}.*$", said, re.MULTILINE)
        assert re.search(rf"{WORDS[number]}(: .*; the same command (goes on|draws them))?$", line), line
    return True
