"""From numbers over seeds to verdicts."""
