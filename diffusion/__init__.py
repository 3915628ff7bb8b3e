"""Denoising diffusion on image arrays: schedules, networks, training, sampling. Never imports triangles."""
