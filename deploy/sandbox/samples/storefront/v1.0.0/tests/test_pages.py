import unittest

from storefront import pages
from storefront.settings import read_settings


class PagesTest(unittest.TestCase):
    def test_front_page_greets(self):
        settings = read_settings({"GREETING": "Hello", "STOREFRONT_CONFIG": "/nonexistent"})
        self.assertEqual(pages.front(settings, {})["greeting"], "Hello")

    def test_secret_is_never_shown(self):
        settings = read_settings({"DB_PASSWORD": "hunter2", "STOREFRONT_CONFIG": "/nonexistent"})
        answer = pages.secret_check(settings, {})
        self.assertEqual(len(answer["sha256"]), 64)
        self.assertNotIn("hunter2", str(answer))


if __name__ == "__main__":
    unittest.main()
