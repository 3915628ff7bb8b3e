"""Networks that denoise, each behind network(x_t, t)."""
