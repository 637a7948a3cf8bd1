import unittest

from sessions import Sessions


class SessionsTest(unittest.TestCase):
    def test_a_session_is_kept(self):
        sessions = Sessions()
        sessions.open("ada")
        self.assertEqual(len(sessions), 1)


if __name__ == "__main__":
    unittest.main()
