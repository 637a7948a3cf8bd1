"""What we sell."""

PRODUCTS = (
    {"id": 1, "name": "Enamel mug", "cents": 1450},
    {"id": 2, "name": "Wool blanket", "cents": 8900},
    {"id": 3, "name": "Oak tray", "cents": 3600},
)


def list_products(feature):
    """Return the products; the feature `sale` takes a tenth off."""
    factor = 0.9 if feature == "sale" else 1
    return [{**product, "cents": round(product["cents"] * factor)} for product in PRODUCTS]
