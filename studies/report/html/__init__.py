"""The report as one page of HTML: its text, its small plots of claims, and the slider of the reverse process."""
