import unittest

from storefront.pagecache import PAGE_BYTES, PageCache


class PageCacheTest(unittest.TestCase):
    def test_page_has_the_size_that_is_planned_for(self):
        self.assertEqual(len(PageCache._render(7)), PAGE_BYTES)


if __name__ == "__main__":
    unittest.main()
