"""Prices in cents."""

TAX_PERCENT = 19


def gross(net):
    """Return the price with tax."""
    return round(net * (100 + TAX_PERCENT) / 100)
