import unittest

from pricing import gross


class PricingTest(unittest.TestCase):
    def test_tax_is_added(self):
        self.assertEqual(gross(1000), 1190)


if __name__ == "__main__":
    unittest.main()
