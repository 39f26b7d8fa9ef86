import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_on_settings_is_the_one_that_is_generated():
    spec = importlib.util.spec_from_file_location(
        "generate_settings", DOCS / "generate_settings.py"
    )
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    assert page == generator.render(), "run: python docs/generate_settings.py"
