"""
Profiles that are joined believe whom either believes, and nobody else.
"""

from __future__ import annotations

import pytest

from provenance.authority import PURPOSE_MICROSOFT_CLAIM, SIGNED_AT, Authority
from provenance.trust.profile import TrustProfile
from tests.support import ca_options, leaf_options
from tests.validation.claim_signature.support import CODE_SIGNING, believe, check, failures, plain


def _joined(authority: Authority) -> TrustProfile:
    return believe(authority.root, authority.intermediate) | believe(authority.root, purposes=(CODE_SIGNING,))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("purpose", [PURPOSE_MICROSOFT_CLAIM, CODE_SIGNING])
def test_joined_profiles_that_pin_one_root_believe_whom_either_believes(
    authority: Authority, purpose: str, *, reverse: bool
) -> None:
    """
    Each anchor keeps its own demands, in whatever order they were joined.
    """
    one, other = (
        believe(authority.root, authority.intermediate),
        believe(authority.root, purposes=(CODE_SIGNING,)),
    )
    credential = authority.issue_signer(key_purposes=(purpose,))

    result = check(plain(credential), other | one if reverse else one | other, SIGNED_AT)

    assert failures(result) == []


def test_joined_profiles_do_not_lend_each_other_their_demands(authority: Authority) -> None:
    """
    One demands the intermediate and Microsoft's purpose, the other only code signing: half of each is none.
    """
    other_intermediate = authority.root.issue(ca_options("Another CA"))

    result = check(plain(other_intermediate.issue(leaf_options())), _joined(authority), SIGNED_AT)

    assert failures(result) == ["signingCredential.invalid"]


@pytest.mark.parametrize("purpose", [PURPOSE_MICROSOFT_CLAIM, CODE_SIGNING])
def test_joined_profiles_that_pin_different_heights_believe_whom_either_believes(
    authority: Authority, purpose: str
) -> None:
    """
    One pins the root, the other the intermediate for another purpose; joining takes nobody's trust away.
    """
    root = believe(authority.root, authority.intermediate)
    intermediate = believe(authority.intermediate, purposes=(CODE_SIGNING,))
    credential = authority.issue_signer(key_purposes=(purpose,))

    result = check(plain(credential), root | intermediate, SIGNED_AT)

    assert failures(result) == []
