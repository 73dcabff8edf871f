"""The picture in the README, by day and by night. Run `python -m tests.support.picture` after the pages have changed.

A real Precis with a scripted model server, in a folder of its own; the article is made up.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.support.answers import Answers, told
from tests.support.chromium import Visitor, find_chromium, running_chromium
from tests.support.model_server import ModelServer
from tests.support.precis import ROOT, Account, Precis

TITLE = "After the water: how Harrow Quay got its library back"
ARTICLE = Path(__file__).with_name("harrow_quay.txt").read_text()
SUMMARY = """\
- The River Aune rose 3.1 metres on 14 February 2022 and put the ground floor of Harrow Quay’s library under 92 centimetres of water.
- Marian Okafor had the wet books frozen within 48 hours, and 260 people passed them up to the fish market’s cold store in crates.
- Of 13,600 frozen books 11,900 went back to the shelves after eleven months; coated paper fared worst, and the parish registers lost nothing.
- The rebuilt ground floor cost £870,000 instead of £2.4 million: it lets the water in, with lime plaster and shelves on wheels.
- In November 2024 nine volunteers cleared 212 shelves in two hours and ten minutes, and on the fourth day the library lent books again.
- Eleven libraries along the coast share cold rooms, crates and people under an agreement of one page."""
SIZE = {"width": 1280, "height": 1060}


def take(browser: Browser, address: str, account: Account, path: str, name: str, scheme: str) -> None:
    """Photograph the finished page of a document."""
    visitor = Visitor(browser, address, viewport=SIZE, color_scheme=scheme, device_scale_factor=2)
    visitor.sign_in(account)
    visitor.open(path)
    visitor.sees("complete")
    visitor.page.screenshot(path=ROOT / "docs" / name, animations="disabled")
    visitor.leave()


def main() -> None:
    """Write both pictures."""
    if (path := find_chromium()) is None:
        sys.exit("picture: there is no Chromium here")
    answers = Answers()
    answers.give(TITLE, told(SUMMARY))
    with TemporaryDirectory() as folder, ModelServer(answers) as model, running_chromium(path) as browser:
        environ = {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "x", "PRECIS_MODEL": "your-model"}
        with Precis(Path(folder), environ) as precis:
            ines = precis.add_member("Ines")
            visitor = Visitor(browser, precis.address).sign_in(ines)
            saved = visitor.write(TITLE, ARTICLE)
            visitor.sees("complete")
            visitor.leave()
            for name, scheme in (("precis.png", "light"), ("precis-dark.png", "dark")):
                take(browser, precis.address, ines, saved, name, scheme)


if __name__ == "__main__":
    main()
