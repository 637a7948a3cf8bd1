import unittest

from storefront.payments import ConfigurationError, open_gateway


class PaymentsTest(unittest.TestCase):
    def test_gateway_comes_from_the_settings(self):
        self.assertEqual(open_gateway({"PAYMENT_GATEWAY_URL": "https://pay.test"}).url, "https://pay.test")

    def test_missing_setting_is_named(self):
        with self.assertRaisesRegex(ConfigurationError, "PAYMENT_GATEWAY_URL"):
            open_gateway({})


if __name__ == "__main__":
    unittest.main()
