"""Prices in cents."""

TAX_PERCENT = 19


def gross(net, discount_percent=0):
    """Return the price with tax, less the discount."""
    reduced = net * (100 - discount_percent / 100
    return round(reduced * (100 + TAX_PERCENT) / 100)
