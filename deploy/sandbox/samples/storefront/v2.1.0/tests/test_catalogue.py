import unittest

from storefront.catalogue import list_products


class CatalogueTest(unittest.TestCase):
    def test_sale_takes_a_tenth_off(self):
        self.assertEqual(list_products("sale")[0]["cents"], 1305)

    def test_without_a_feature_prices_are_as_listed(self):
        self.assertEqual(list_products("off")[0]["cents"], 1450)

    def test_search_ignores_case(self):
        self.assertEqual([product["id"] for product in list_products("off", "WOOL")], [2])


if __name__ == "__main__":
    unittest.main()
