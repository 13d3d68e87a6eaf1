"""
How the modules of the audit's page are joined into one script.
"""

from __future__ import annotations

import pytest

from provenance.audit.writer import page
from provenance.audit.writer.page import ScriptError, join_modules


def test_modules_stand_after_those_that_they_import_from() -> None:
    """
    Each once, without imports and exports, in a scope of their own.
    """
    modules = {
        "page.js": "import { a } from './shared/one.js';\nimport {\n  c,\n} from './two.js';\n\na(c);\n",
        "two.js": "import { a } from './shared/one.js';\n\nexport const c = a();\n",
        "shared/one.js": "export function a() {}\nexport class b {}\n",
    }

    script = join_modules(modules, "page.js")

    assert script == (
        "'use strict';\n\n(() => {\nfunction a() {}\nclass b {}\n\nconst c = a();\n\na(c);\n})();\n"
    )


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"page.js": "import { a } from './b.js';\n"}, "there is no module b.js"),
        ({"page.js": "import { a } from './b.js';\n", "b.js": "function a() {}\n"}, "does not export a"),
        (
            {"page.js": "import { a as c } from './b.js';\n", "b.js": "export const a = 1;\n"},
            "not export as, c",
        ),
        ({"page.js": "1;\n", "b.js": "export const a = 1;\n"}, "no module imports from b.js"),
        ({"page.js": "import * as b from './b.js';\n", "b.js": ""}, "not known here: 'import'"),
        ({"page.js": "import a from './b.js';\n", "b.js": ""}, "not known here"),
        ({"page.js": "import './b.js';\n", "b.js": ""}, "not known here"),
        ({"page.js": "  import('./b.js');\n", "b.js": ""}, "not known here"),
        ({"page.js": "export default 1;\n"}, "not known here: 'export'"),
        ({"page.js": "const a = 1;\nexport { a };\n"}, "not known here"),
        ({"page.js": "export let a = 1;\n"}, "not known here"),
        ({"page.js": "await a;\n"}, "not known here"),
        (
            {
                "page.js": "import { a } from './b.js';\nconst c = 1;\n",
                "b.js": "export const a = 1;\nlet c;\n",
            },
            "page.js and b.js both declare c",
        ),
        (
            {
                "page.js": "import { a } from './b.js';\nexport const c = 1;\n",
                "b.js": "import { c } from './page.js';\nexport const a = 1;\n",
            },
            r"page\.js -> b\.js -> page\.js",
        ),
    ],
)
def test_what_is_not_known_is_refused(modules: dict[str, str], message: str) -> None:
    """
    A script that lost a part would fail at the reader's only.
    """
    with pytest.raises(ScriptError, match=message):
        join_modules(modules, "page.js")


def test_the_script_of_the_page_ends_no_element() -> None:
    """
    It stands between tags, as it is.
    """
    script = page.read_script()

    assert "</" not in script
    assert "<!--" not in script
