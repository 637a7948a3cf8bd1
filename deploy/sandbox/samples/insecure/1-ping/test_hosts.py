import unittest

from hosts import has_address


class HostsTest(unittest.TestCase):
    def test_localhost_is_there(self):
        self.assertTrue(has_address("localhost"))


if __name__ == "__main__":
    unittest.main()
