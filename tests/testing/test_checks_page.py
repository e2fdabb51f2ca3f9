"""The page of the checks says what their docstrings say."""

from tools import checks_page


def test_page_is_up_to_date():
    assert checks_page.PAGE.read_text(encoding="utf-8") == checks_page.page(), (
        "docs/reference/checks.md is out of date. "
        "Run: python tools/checks_page.py"
    )


def test_every_check_says_how_to_repair():
    for check in checks_page.CHECKS:
        text = checks_page.section(check)
        assert text.count("**Repair:**") == 1, check.name


def test_checks_that_are_not_for_all_say_so():
    text = {
        check.name: checks_page.section(check) for check in checks_page.CHECKS
    }
    assert "For layers only" in text["check_data_formats"]
    assert "For models only" in text["check_fit"]
    assert "only" not in text["check_clone"].splitlines()[2]
