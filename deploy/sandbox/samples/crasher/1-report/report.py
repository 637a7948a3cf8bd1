"""The report."""

TEMPLATE = "orders today: {orders}"


def render(orders, template=TEMPLATE):
    """Return the report as text."""
    return template.format(orders=orders)
