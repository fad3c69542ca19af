"""`python -m knowledge.sources.build`: builds what would otherwise be built at first use, with progress on stderr."""

from __future__ import annotations

import time

from loguru import logger

from knowledge.sources import exposure
from knowledge.sources.cache import cache_dir
from knowledge.sources.handbook import Handbook
from knowledge.stock import Stock


def main() -> None:
    logger.info("building into {}", cache_dir())
    start = time.perf_counter()
    handbook = Handbook.full()
    logger.info("handbook ready after {:.1f} s: {} molecules", time.perf_counter() - start, len(handbook))
    exposure.lookup("")
    start = time.perf_counter()
    stock = Stock.builtin()
    logger.info("stock ready after {:.1f} s: {} substances", time.perf_counter() - start, len(stock))


if __name__ == "__main__":
    main()
