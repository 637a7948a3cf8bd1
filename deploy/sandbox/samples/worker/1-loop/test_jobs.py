import unittest

from jobs import work


class JobsTest(unittest.TestCase):
    def test_result_depends_on_the_number(self):
        self.assertNotEqual(work(1), work(2))


if __name__ == "__main__":
    unittest.main()
