"""
Authorities that were only added for their signers: nobody below them speaks for a generator.
"""

from __future__ import annotations

from pathlib import Path

from provenance import TrustProfile, VerificationResult, Verifier
from provenance import authority as made
from provenance.authority import Authority
from provenance.trust.certificate import Certificate, load
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import anchors_from_pem, dump_trust_profile, load_trust_profile

PNG = made.plain_png(16, 16, seed=1)
PURPOSES = (made.PURPOSE_MICROSOFT_CLAIM,)


def root_of(authority: Authority) -> Certificate:
    """
    Return the authority's root as whoever trusts it does.
    """
    return load(authority.root.der)


def profile_of(authority: Authority, *, signers_only: bool) -> TrustProfile:
    """
    Believe an authority, about generators or not.
    """
    return anchors_from_pem("mine", (root_of(authority),), key_purposes=PURPOSES, signers_only=signers_only)


def judged(authority: Authority, trust: TrustProfile) -> VerificationResult:
    """
    Judge an image that says Azure OpenAI made it, inside its signer's validity.
    """
    signed = made.sign_image(PNG, made.azure_v1(authority))
    return Verifier(trust=trust, at=made.SIGNED_AT, self_test=False).verify(signed)


def test_who_is_only_added_as_a_signer_does_not_speak_for_azure(authority: Authority) -> None:
    """
    Whoever adds the C2PA trust list to read edits would else believe each phone on it about Azure.
    """
    whole = judged(authority, profile_of(authority, signers_only=False))
    added = judged(authority, MICROSOFT | profile_of(authority, signers_only=True))

    assert (whole.accepted, whole.passes[:1]) == (True, ("azure-openai",))
    assert (str(added.state), added.accepted, added.passes, added.origin) == ("trusted", False, (), None)
    assert [check.id for check in added.findings] == ["software_agent"]
    assert "not believed about which generator" in added.findings[0].message


def test_a_profile_that_believes_it_about_generators_comes_first(authority: Authority) -> None:
    """
    In whichever order they are joined.
    """
    both = (profile_of(authority, signers_only=True), profile_of(authority, signers_only=False))

    assert judged(authority, both[0] | both[1]).accepted
    assert judged(authority, both[1] | both[0]).accepted


def test_it_is_part_of_what_a_profile_demands_and_survives_in_a_file(
    authority: Authority, tmp_path: Path
) -> None:
    """
    So that no store answers for the other, and workers judge alike.
    """
    only, whole = profile_of(authority, signers_only=True), profile_of(authority, signers_only=False)
    path = tmp_path / "only.toml"
    path.write_text(dump_trust_profile(only))

    assert only.digest != whole.digest
    assert load_trust_profile(path) == only
