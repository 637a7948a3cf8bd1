"""Start the storefront."""

from storefront.server import main

if __name__ == "__main__":
    raise SystemExit(main())
