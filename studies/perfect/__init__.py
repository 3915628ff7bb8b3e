"""The perfect denoiser of all triangles, as a plugin of studies: what samplers and schedules cost without learning."""
