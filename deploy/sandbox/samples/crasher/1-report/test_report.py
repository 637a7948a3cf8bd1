import unittest

from report import render


class ReportTest(unittest.TestCase):
    def test_orders_are_named(self):
        self.assertEqual(render(3), "orders today: 3")


if __name__ == "__main__":
    unittest.main()
