"""
What runs in a worker process: judges the image behind an open file, and makes the record of its report.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.errors import InstallationChangedError
from provenance.policy.policy import Policy
from provenance.service.store.stored_report import ReportKey, ReportRecord, make_record
from provenance.trust.profile import TrustProfile
from provenance.verification.report import to_dict
from provenance.verification.self_test import require_passed
from provenance.verification.verifier import Verifier
from provenance.workers import Work


class JudgeTask(NamedTuple):
    """
    What a worker is asked about the file that comes with it.

    Attributes:
        policy: Name of the policy.

        key: What the verdict depends on.
    """

    policy: str
    key: ReportKey


def make_verifiers(policies: tuple[Policy, ...], trust: TrustProfile, limits: Limits) -> dict[str, Verifier]:
    """
    Make what judges, by the names of the policies; the self-test is left to whoever uses it.
    """
    return {
        policy.name: Verifier(policy=policy, trust=trust, limits=limits, self_test=False)
        for policy in policies
    }


def make_work(
    policies: tuple[Policy, ...], trust: TrustProfile, limits: Limits, judged_by: Mapping[str, str]
) -> Work[JudgeTask | None, ReportRecord | None]:
    """
    Make what a worker does; called in the worker.

    Args:
        policies: What may be asked for.

        trust: Whom to believe.

        limits: Bounds on what is read.

        judged_by: The verifiers' digests in the process that keeps the verdicts, by the policies' names.

    Returns:
        Judges an open file; asked nothing, it answers nothing.

    Raises:
        EngineError: If the self-test does not pass, or other packages are installed than when the service
            started.
    """
    verifiers = make_verifiers(policies, trust, limits)
    if {name: verifier.digest for name, verifier in verifiers.items()} != judged_by:
        raise InstallationChangedError
    require_passed(os.getpid())

    def judge(task: JudgeTask | None, descriptor: int | None) -> ReportRecord | None:
        if task is None or descriptor is None:
            return None
        with Asset.from_descriptor(descriptor, limits) as asset:
            result = verifiers[task.policy].verify(asset)
        report = to_dict(result, sha256=task.key.sha256)
        return make_record(task.key, report, is_for_a_day=result.depends_on_day)

    return judge
