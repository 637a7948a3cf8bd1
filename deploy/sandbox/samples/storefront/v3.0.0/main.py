"""Start the storefront."""

import logging

from storefront.payments import require_gateway
from storefront.server import main

if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    require_gateway()
    raise SystemExit(main())
